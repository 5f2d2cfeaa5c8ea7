/** What the test of the hooks runs inside a page, as `tideweaveReact`. Bundled by it, with React's development build. */
import { type DocumentHandle, SyncClient, type SyncClientOptions } from '@tideweave/client';
import { mergeReports } from '@tideweave/client/merge';
import {
  SyncProvider,
  useDoc,
  useMerges,
  usePresence,
  useShared,
  useSyncStatus,
  useUndo,
} from '@tideweave/client/react';
import { Activity, StrictMode, createElement as h, memo, startTransition, useState } from 'react';
import { createRoot, type Root } from 'react-dom/client';

/** Everything that React or the browser complained about. */
const problems: string[] = [];
const complain = console.error;
console.error = (...words: unknown[]): void => {
  problems.push(words.map(String).join(' '));
  complain(...words);
};
addEventListener('error', ({ message }) => problems.push(message));

let client: SyncClient;
let root: Root;
/** Names of documents in the order in which they were opened. */
const opened: string[] = [];
const closed: string[] = [];
const seen = { handles: new Set<DocumentHandle>(), titles: 0, statuses: [] as string[], smooth: [] as string[] };
const torn: string[] = [];
let setSlow: (value: number) => void = () => undefined;
let actions: { undo: () => void; redo: () => void } | null = null;

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

class WatchedClient extends SyncClient {
  override open(...args: Parameters<SyncClient['open']>): DocumentHandle {
    const handle = super.open(...args);
    opened.push(handle.name);
    handle.on('status', ({ phase }) => phase === 'closed' && closed.push(handle.name));
    return handle;
  }
}

const mapOf = (handle: DocumentHandle) => handle.doc.getMap('map');

/** Renders when the title is another one, whatever else happens in the map. */
const Title = memo(function Title({ name }: { name: string }) {
  const handle = useDoc(name);
  seen.handles.add(handle);
  const { title } = useShared(mapOf(handle), (map) => ({ title: map.get('title') ?? 'none' }));
  seen.titles++;
  return h('h1', null, String(title));
});

function Status({ name }: { name: string }) {
  const handle = useDoc(name);
  seen.handles.add(handle);
  const word = ({ pending, safe }: DocumentHandle['status']): string => (pending.updates > 0 ? 'unsaved' : safe);
  const now = word(useSyncStatus(handle));
  const smooth = word(useSyncStatus(handle, { smooth: 300 }));
  if (seen.statuses.at(-1) !== now) seen.statuses.push(now);
  if (seen.smooth.at(-1) !== smooth) seen.smooth.push(smooth);
  const { connection } = useSyncStatus();
  return h('p', { id: 'status' }, `${connection} ${now}`);
}

function People({ name }: { name: string }) {
  const { mine, others, set } = usePresence<{ name?: string }>(useDoc(name));
  const names = others.map(({ state }) => state.name ?? '?').join(' ');
  return h('button', { id: 'people', onClick: () => set({ name: 'me' }) }, `${mine?.name ?? '-'}: ${names}`);
}

function Undo({ name }: { name: string }) {
  const undo = useUndo([mapOf(useDoc(name))], { captureTimeoutMs: 0 });
  actions = undo;
  return h('p', { id: 'undo' }, `${undo.canUndo ? 'undo' : '-'} ${undo.canRedo ? 'redo' : '-'}`);
}

function Merges({ name }: { name: string }) {
  const { merges, restoreMine, dismiss } = useMerges(useDoc(name));
  return h(
    'ul',
    null,
    merges.flatMap((merge) => [
      ...merge.report.entries.map((entry) =>
        h('li', { key: entry.id, onClick: () => void restoreMine(entry) }, `${entry.kind} ${entry.path.join('/')}`),
      ),
      h('button', { key: `${merge.id} dismiss`, id: 'dismiss', onClick: () => dismiss(merge) }, 'dismiss'),
    ]),
  );
}

/** Takes its time, so that a transition is interrupted. */
function Slow({ name, label }: { name: string; label: number }) {
  const count = useShared(mapOf(useDoc(name)), (map) => map.get('count') ?? 0);
  const end = performance.now() + 8;
  while (performance.now() < end);
  return h('i', { className: 'slow' }, `${String(count)}/${label}`);
}

function Transition({ name }: { name: string }) {
  const [label, setLabel] = useState(0);
  setSlow = (value) => startTransition(() => setLabel(value));
  return h(
    'section',
    null,
    Array.from({ length: 12 }, (_, at) => h(Slow, { key: at, name, label })),
  );
}

const parts = { Title, Status, People, Undo, Merges, Transition };

const page = {
  start(options: SyncClientOptions): void {
    client = new WatchedClient({ ...options, merges: mergeReports() });
    root = createRoot(document.body.appendChild(document.createElement('main')));
  },

  /** Mounts these components, each on the document of its name, in StrictMode. */
  show(shown: readonly (keyof typeof parts)[], { name = 'document', hidden = false } = {}): void {
    const children = shown.map((part) => h(parts[part], { key: part, name }));
    const activity = h(Activity, { mode: hidden ? 'hidden' : 'visible', children });
    root.render(h(StrictMode, null, h(SyncProvider, { client }, activity)));
  },

  text: (selector: string): string[] =>
    [...document.querySelectorAll<HTMLElement>(selector)].map(({ textContent }) => textContent ?? ''),
  click: (selector: string): void => document.querySelector<HTMLElement>(selector)?.click(),
  isOpen: (name: string): boolean => client.documents.has(name),
  connect: (isWanted: boolean): void => (isWanted ? client.connect() : client.disconnect()),
  set: (key: string, value: unknown, name = 'document'): void => {
    const handle = client.documents.get(name);
    if (handle === undefined) throw new Error(`${name} is not open`);
    mapOf(handle).set(key, value);
  },
  get: (key: string, name = 'document'): unknown => client.documents.get(name)?.doc.getMap('map').get(key),
  saved: (name = 'document'): Promise<void> | undefined => client.documents.get(name)?.whenSaved({ tier: 'server' }),
  undo: (): void => actions?.undo(),
  redo: (): void => actions?.redo(),

  /** Types ten times, each time until it is saved; what was shown meanwhile. */
  async type(): Promise<{ statuses: string[]; smooth: string[] }> {
    seen.statuses = [];
    seen.smooth = [];
    for (let at = 0; at < 10; at++) {
      page.set('typed', at);
      await page.saved();
      await wait(1);
    }
    await wait(1000);
    return seen;
  },

  /** Starts transitions and edits while they render; looks at every commit. */
  async tear(): Promise<{ torn: string[]; commits: number; last: string[] }> {
    let commits = 0;
    const observer = new MutationObserver(() => {
      commits++;
      const all = new Set(page.text('.slow'));
      if (all.size > 1) torn.push([...all].join(' '));
    });
    observer.observe(document.body, { childList: true, subtree: true, characterData: true });
    for (let round = 1; round <= 8; round++) {
      setSlow(round);
      await wait(25);
      page.set('count', round);
      await wait(60);
    }
    await wait(500);
    observer.disconnect();
    return { torn, commits, last: [...new Set(page.text('.slow'))] };
  },

  told: () => ({ problems, opened, closed, handles: seen.handles.size, titles: seen.titles }),
};

export type ReactPage = typeof page;

declare global {
  var tideweaveReact: ReactPage;
}
globalThis.tideweaveReact = page;
