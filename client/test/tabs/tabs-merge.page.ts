/** What the browser test of merge reports in tabs runs inside a page, as `tideweaveTabsMerge`. Bundled by it. */
import { type DocumentHandle, SyncClient } from '@tideweave/client';
import { type DocumentMerge, type RestoreResult, mergeReports } from '@tideweave/client/merge';
import { useMerges } from '@tideweave/client/react';
import { openBrowserStore } from '@tideweave/client/store';
import { shareTabs } from '@tideweave/client/tabs';
import { type ReactElement, createElement } from 'react';
import { createRoot } from 'react-dom/client';
import * as Y from 'yjs';

/** `relay`, and `id`: the document's client id, of which the higher wins a key. */
const asked = new URLSearchParams(location.search);
const problems: string[] = [];
/** Workers that the page started, by what they were to load. */
const workers: string[] = [];
globalThis.Worker = class extends Worker {
  constructor(url: string | URL, options?: WorkerOptions) {
    super(url, options);
    workers.push(String(url));
  }
};

const doc = new Y.Doc();
doc.clientID = Number(asked.get('id'));
const map = doc.getMap<string>('map');
const store = openBrowserStore({ location: 'tabs-merge', onError: ({ message }) => problems.push(message) });
const client = new SyncClient({
  url: asked.get('relay') ?? '',
  store,
  tabs: shareTabs(),
  merges: mergeReports(),
});
const handle = client.open('document', { doc });
handle.on('refused', ({ reason }) => problems.push(reason));
handle.on('storefailed', ({ message }) => problems.push(message));
/** Identities of what the event `merge` told, one after another. */
const told: string[] = [];
handle.on('merge', ({ id }) => told.push(id));
const undo = new Y.UndoManager(map);

function Merges({ document: shown }: { readonly document: DocumentHandle }): ReactElement {
  const { merges } = useMerges(shown);
  return createElement('pre', null, JSON.stringify(merges));
}
createRoot(document.body.appendChild(document.createElement('div'))).render(
  createElement(Merges, { document: handle }),
);

const page = {
  ready: (): Promise<void> => handle.whenLoaded(),
  synced: (): boolean => handle.status.synced,
  saved: (tier: 'device' | 'server'): Promise<void> => handle.whenSaved({ tier }),
  set: (key: string, value: string): void => void map.set(key, value),
  get: (key: string): string | undefined => map.get(key),
  merges: (): readonly DocumentMerge[] => handle.merges,
  /** The list as React renders it. */
  rendered: (): readonly DocumentMerge[] => JSON.parse(document.querySelector('pre')?.textContent ?? '[]') as [],
  async restore(key: string): Promise<RestoreResult> {
    const entries = handle.merges.flatMap(({ report }) => report.entries);
    const entry = entries.find((one) => one.kind === 'key' && one.key === key);
    if (entry === undefined) throw new Error(`no entry of ${key} in ${JSON.stringify(entries)}`);
    undo.stopCapturing();
    return handle.restoreMine(entry);
  },
  undo: (): void => void undo.undo(),
  dismiss: (at: number): void => handle.dismiss(handle.merges[at]),
  told: (): { problems: string[]; workers: string[]; told: string[] } => ({ problems, workers, told }),
};

export type TabsMergePage = typeof page;

declare global {
  var tideweaveTabsMerge: TabsMergePage;
}
globalThis.tideweaveTabsMerge = page;
