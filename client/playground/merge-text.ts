/** Parts of a merge report in words. */
import type { Delta, JsonValue, KeyState, MergeEntry, MergeReport } from '@tideweave/client/merge';

const charsMax = 80;

/** Who the others were; `by` chooses among them. */
export function namesOf({ authors }: MergeReport, by?: readonly number[]): string {
  const chosen = by === undefined || by.length === 0 ? authors : authors.filter((_, at) => by.includes(at));
  const names = new Set(chosen.map(({ user, name }) => user || name).filter((each) => each !== ''));
  return names.size === 0 ? 'others' : [...names].join(', ');
}

/** What the parts of the page are called. */
const labels: Readonly<Record<string, string>> = {
  card: 'Form',
  title: 'Title',
  status: 'Status',
  place: 'Place',
  items: 'To bring along',
  text: 'Text',
  rich: 'Rich text',
  isDone: 'done',
};

export function placeOf({ path }: MergeEntry): string {
  const parts = path[0] === 'card' && path.length > 1 ? path.slice(1) : path;
  return parts.map((part) => (typeof part === 'number' ? `no. ${part + 1}` : (labels[part] ?? part))).join(' › ');
}

export function valueText(state: KeyState): string {
  switch (state.state) {
    case 'absent':
      return 'nothing';
    case 'deleted':
      return 'deleted';
    case 'large':
      return `${state.chars} characters`;
    case 'value':
      return typeof state.value === 'string' ? quoted(state.value) : quoted(contentText(state.value));
  }
}

/** What somebody wrote and how much they deleted. */
export function changeText({ ops, truncated }: Delta): string {
  const written: string[] = [];
  let deleted = 0;
  for (const op of ops) {
    if ('insert' in op) written.push(contentText(op.insert));
    if ('delete' in op) deleted += op.delete;
  }
  const parts = [];
  if (written.length > 0) parts.push(`wrote ${quoted(written.join(' … '))}`);
  if (deleted > 0) parts.push(`deleted ${deleted}`);
  return `${parts.join(', ') || 'changed the format'}${truncated ? ' …' : ''}`;
}

function contentText(value: JsonValue): string {
  if (typeof value === 'string') return value;
  if (value === null || typeof value !== 'object') return String(value);
  return Object.values(value)
    .filter((part) => part !== undefined)
    .map((part) => contentText(part))
    .join(' ');
}

function quoted(text: string): string {
  return `“${text.length > charsMax ? `${text.slice(0, charsMax)} …` : text}”`;
}
