import { SyncClient } from '@tideweave/client';
import { type DocumentMerge, type KeyState, type MergeEntry, type Path, mergeReports } from '@tideweave/client/merge';
import {
  SyncProvider,
  useDoc,
  useMerges,
  usePresence,
  useShared,
  useSyncStatus,
  useUndo,
} from '@tideweave/client/react';
import { openBrowserStore } from '@tideweave/client/store';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';

const store = openBrowserStore({ onError: console.error });
const url = new URLSearchParams(location.search).get('relay') ?? 'ws://127.0.0.1:1234';
const client = new SyncClient({ url, store, merges: mergeReports() });
/** How this person is called: `?name=…`. */
const me = new URLSearchParams(location.search).get('name') ?? 'somebody';

/** A recipe card: every field is a key of one map, so two people can overwrite each other while apart. */
function Card() {
  const handle = useDoc('recipe');
  const recipe = handle.doc.getMap<string>('recipe');
  const fields = useShared(recipe, (map) => map.toJSON());
  const { undo, redo, canUndo, canRedo } = useUndo(recipe);
  return (
    <>
      <h1>Recipe</h1>
      <Status />
      {['title', 'time', 'oven'].map((key) => (
        <label key={key}>
          {key}
          <input name={key} value={fields[key] ?? ''} onChange={({ target }) => recipe.set(key, target.value)} />
        </label>
      ))}
      <button onClick={undo} disabled={!canUndo}>
        Undo
      </button>
      <button onClick={redo} disabled={!canRedo}>
        Redo
      </button>
      <People />
      <Merges />
    </>
  );
}

/** Loud when an edit could be lost, quiet otherwise. */
function Status() {
  const { phase, pending, safe, synced, error } = useSyncStatus(useDoc('recipe'), { smooth: true });
  if (error !== null) return <p role="alert">{error.reason}</p>;
  if (phase === 'loading') return <p role="status">Loading …</p>;
  if (pending.updates === 0) return <p role="status">{synced ? 'Saved' : 'Saved; you are offline'}</p>;
  return <p role="status">{safe === 'device' ? 'Saved on this device' : 'Saving …'}</p>;
}

function People() {
  const { mine, others, set } = usePresence<{ name?: string }>(useDoc('recipe'));
  const names = others.map(({ clientId, state }) => <li key={clientId}>{state.name ?? 'somebody'}</li>);
  return (
    <>
      {mine?.name === undefined && <button onClick={() => set({ name: me })}>Say who I am</button>}
      <ul>{names}</ul>
    </>
  );
}

/** What happened while this device was away. */
function Merges() {
  const { merges, restoreMine, dismiss } = useMerges(useDoc('recipe'));
  return merges.map((merge) => (
    <section key={merge.id} className="merge">
      <h2>While you were away</h2>
      <p>{summary(merge)}</p>
      <ul>
        {merge.report.entries.map((entry) => (
          <li key={entry.id}>
            <Entry entry={entry} />
            {mayRestore(entry) && <button onClick={() => void restoreMine(entry)}>Restore mine</button>}
          </li>
        ))}
      </ul>
      <button onClick={() => dismiss(merge)}>Dismiss</button>
    </section>
  ));
}

function summary({ report }: DocumentMerge): string {
  if (!report.complete) return 'You and others changed this; it was too much to compare.';
  const who = report.authors.map(({ user, device, name }) => user || name || device).filter((each) => each !== '');
  return `You and ${who.length > 0 ? who.join(', ') : 'others'} changed the same in ${report.conflicts} places.`;
}

const mayRestore = (entry: MergeEntry): boolean =>
  entry.kind === 'key' ? entry.outcome === 'theirs' : entry.kind === 'lost' && entry.side === 'mine';

function Entry({ entry }: { entry: MergeEntry }) {
  const place = placeOf(entry.path);
  switch (entry.kind) {
    case 'key':
      return (
        <span>
          <b>{place}</b> was {shown(entry.base)}; you: {shown(entry.mine)}, they: {shown(entry.theirs)}
          {entry.outcome === 'agreed' ? '' : `. ${entry.outcome === 'mine' ? 'Yours' : 'Theirs'} is shown.`}
        </span>
      );
    case 'list':
      return <span>{place}: you both edited it, and both edits are in.</span>;
    case 'lost':
      return (
        <span>
          {place}: {entry.side === 'mine' ? 'they deleted what you edited' : 'you deleted what they edited'}.
        </span>
      );
    case 'stranded':
      return <span>{place}: an addition stands where the text around it was deleted.</span>;
  }
}

const placeOf = (path: Path): string => path.slice(1).join(' › ') || String(path[0]);
const shown = (state: KeyState): string => (state.state === 'value' ? JSON.stringify(state.value) : state.state);

createRoot(document.querySelector('#root')!).render(
  <StrictMode>
    <SyncProvider client={client}>
      <Card />
    </SyncProvider>
  </StrictMode>,
);
