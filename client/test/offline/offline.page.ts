/** What the browser test of offline life runs inside a page, as `tideweaveOffline`. Bundled by it. */
import { type DocumentHandle, type DocumentStatus, SyncClient } from '@tideweave/client';
import { openBrowserStore } from '@tideweave/client/store';
import { systemClock, systemRandom } from '../../src/clock.ts';

/** A status in three words: phase, whether what the relay has is here, and where the newest edit is safe. */
const words = ({ phase, synced, safe }: DocumentStatus): string => `${phase} ${synced ? 'synced' : 'apart'} ${safe}`;

let handle: DocumentHandle | null = null;
/** Every change of status since the page was loaded, and what went wrong. */
const told: string[] = [];
const problems: string[] = [];
let confirmed: () => Promise<boolean> = () => Promise.resolve(false);

/** Every write to the device is refused. */
let isRefusing = false;
const begin = Reflect.get(IDBDatabase.prototype, 'transaction') as (...args: unknown[]) => IDBTransaction;
Reflect.set(IDBDatabase.prototype, 'transaction', function refusing(this: IDBDatabase, ...args: unknown[]) {
  if (isRefusing && args[1] === 'readwrite') throw new DOMException('the disk is full', 'QuotaExceededError');
  return begin.apply(this, args);
});
// Before the client's own listener: whatever it still does when the page is left can succeed.
addEventListener('pagehide', () => (isRefusing = false));

function opened(): DocumentHandle {
  if (handle === null) throw new Error('nothing is open');
  return handle;
}

function tell(status: DocumentStatus): void {
  const now = words(status);
  if (told.at(-1) !== now) told.push(now);
}

const page = {
  /** Opens the document and waits until its content is there. */
  async open(url: string): Promise<void> {
    const onError = (error: Error): void => void problems.push(error.message);
    const store = openBrowserStore({ location: 'offline', clock: systemClock, random: systemRandom, onError });
    handle = new SyncClient({ url, store }).open('document');
    tell(handle.status);
    handle.on('status', tell);
    handle.on('storefailed', onError);
    handle.on('refused', ({ reason }) => problems.push(reason));
    confirmed = async () => {
      const { resume, pending, delivered } = await (await store).load('document');
      return resume !== null && pending.length + delivered.length === 0;
    };
    await handle.whenLoaded();
  },

  /** One edit each of the text, two keys of the map and the array, in one turn. */
  edit(who: string): void {
    const { doc } = opened();
    doc.getText('text').insert(0, `${who} `);
    doc.getMap('map').set(who, true);
    doc.getMap('map').set('both', who);
    doc.getArray('list').push([who]);
  },

  saved: (tier: 'device' | 'server'): Promise<void> => opened().whenSaved({ tier }),
  synced: (): Promise<void> => opened().whenSynced(),
  /** Nothing on the device waits for the relay any more. */
  confirmed: (): Promise<boolean> => confirmed(),

  /** Makes an edit and leaves the page at once: whether the browser would ask. Then once more, when the device has it. */
  async leaving(): Promise<boolean[]> {
    const wouldAsk = (): boolean => !dispatchEvent(new Event('beforeunload', { cancelable: true }));
    const before = wouldAsk();
    opened().doc.getText('text').insert(0, 'leaving ');
    opened().flush();
    const inMemory = wouldAsk();
    await opened().whenSaved({ tier: 'device' });
    return [before, inMemory, wouldAsk()];
  },

  /** Makes an edit that the device refuses until the page is left; resolves when it has refused. */
  async editInVain(): Promise<void> {
    isRefusing = true;
    opened().doc.getText('text').insert(0, 'at the last moment ');
    while (problems.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  },

  /** A client on the store that needs no opening: writes, ends, and finds it again in a second one. */
  async deviceStore(url: string): Promise<string> {
    const first = new SyncClient({ url, store: 'device', connect: false });
    first.on('storefailed', ({ message }) => problems.push(message));
    const one = first.open('least ceremony');
    one.doc.getText('text').insert(0, 'kept');
    await one.whenSaved({ tier: 'device' });
    first.destroy();
    const second = new SyncClient({ url, store: 'device', connect: false });
    const two = second.open('least ceremony');
    await two.whenLoaded();
    const text = two.doc.getText('text').toString();
    second.destroy();
    return text;
  },

  look(): { text: string; map: Record<string, unknown>; list: string[]; pending: number } {
    const { doc, status } = opened();
    const map = Object.fromEntries([...doc.getMap('map').entries()].sort(([a], [b]) => (a < b ? -1 : 1)));
    return {
      text: doc.getText('text').toString(),
      map,
      list: doc.getArray<string>('list').toArray(),
      pending: status.pending.updates,
    };
  },

  told: (): { told: string[]; problems: string[] } => ({ told, problems }),
};

export type OfflinePage = typeof page;

declare global {
  var tideweaveOffline: OfflinePage;
}
globalThis.tideweaveOffline = page;
