/** What the browser test of merge reports runs inside a page, as `tideweaveMerge`. Bundled by it. */
import { type DocumentHandle, SyncClient } from '@tideweave/client';
import { type DocumentMerge, type MergeEntry, type RestoreResult, mergeReports } from '@tideweave/client/merge';
import { openBrowserStore } from '@tideweave/client/store';
import * as Y from 'yjs';

let handle: DocumentHandle | null = null;
const problems: string[] = [];
/** What the status said, one after another: the phase, where the newest edit is safe, and whether all is in sync. */
const statuses: string[] = [];
/** Workers that the page started, by what they were to load. */
const workers: string[] = [];
globalThis.Worker = class extends Worker {
  constructor(url: string | URL, options?: WorkerOptions) {
    super(url, options);
    workers.push(String(url));
  }
};

function opened(): DocumentHandle {
  if (handle === null) throw new Error('open the document first');
  return handle;
}

function entryOf(kind: MergeEntry['kind'], key: string | null): MergeEntry {
  const entries = opened().merges.flatMap(({ report }) => report.entries);
  const found = entries.find((entry) => entry.kind === kind && (!('key' in entry) || entry.key === key));
  if (found === undefined) throw new Error(`no entry of kind ${kind} in ${JSON.stringify(entries)}`);
  return found;
}

const page = {
  /** Opens the document and waits until its content is there. */
  async open(url: string): Promise<void> {
    const onError = (error: Error): void => void problems.push(error.message);
    const store = openBrowserStore({ location: 'merge', onError });
    handle = new SyncClient({ url, store, merges: mergeReports() }).open('document');
    handle.on('status', ({ phase, safe, synced }) => {
      const said = `${phase} ${safe}${synced ? ' synced' : ''}`;
      if (statuses.at(-1) !== said) statuses.push(said);
    });
    handle.on('storefailed', onError);
    handle.on('refused', ({ reason }) => problems.push(reason));
    await handle.whenLoaded();
  },

  setUp(): void {
    const { doc } = opened();
    doc.getText('text').insert(0, 'one two three');
    doc.getMap('map').set('title', 'base');
    doc.getMap('map').set('note', new Y.Map([['body', 'base']]));
    doc.getArray('list').push(['base']);
  },

  /** The text at its beginning or end, a key, and the array. */
  edit(who: string, at: 'front' | 'back'): void {
    const { doc } = opened();
    const text = doc.getText('text');
    text.insert(at === 'front' ? 0 : text.length, at === 'front' ? `${who} ` : ` ${who}`);
    doc.getMap('map').set('title', who);
    doc.getArray('list').push([who]);
  },

  editNote: (body: string): void => void opened().doc.getMap<Y.Map<string>>('map').get('note')?.set('body', body),
  deleteNote: (): void => opened().doc.getMap('map').delete('note'),
  saved: (tier: 'device' | 'server'): Promise<void> => opened().whenSaved({ tier }),
  synced: (): boolean => opened().status.synced,
  merges: (): readonly DocumentMerge[] => opened().merges,
  restore: (kind: MergeEntry['kind'], key: string | null): Promise<RestoreResult> =>
    opened().restoreMine(entryOf(kind, key)),
  dismiss: (): void => opened().dismiss(),

  look(): { text: string; map: unknown; list: unknown[] } {
    const { doc } = opened();
    return {
      text: doc.getText('text').toString(),
      map: doc.getMap('map').toJSON(),
      list: doc.getArray('list').toArray(),
    };
  },

  told: (): { problems: string[]; workers: string[]; statuses: string[] } => ({ problems, workers, statuses }),
};

export type MergePage = typeof page;

declare global {
  var tideweaveMerge: MergePage;
}
globalThis.tideweaveMerge = page;
