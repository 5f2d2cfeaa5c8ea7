/** What the browser test of tabs runs inside a page, as `tideweaveTabs`. Bundled by it. */
import { SyncClient } from '@tideweave/client/testing';
import { openBrowserStore } from '@tideweave/client/store';
import { shareTabs } from '@tideweave/client/tabs';
import type { DocumentStatus } from '@tideweave/shared';
import { platformEnvironment } from '../../src/environment.ts';
import type { TabsPlatform } from '../../src/tabs/platform.ts';
import { browserTabs } from '../../src/transport/browser-tabs.ts';

/** `relay`, `user`, `kept` (with a store) and `version` (of another deploy). */
const asked = new URLSearchParams(location.search);
const url = asked.get('relay') ?? '';
const version = asked.get('version');
const problems: string[] = [];

/** A deploy whose tabs speak otherwise: their channels and locks have other names. */
function otherVersion(platform: TabsPlatform): TabsPlatform {
  const named = (name: string): string => name.replace(/^tideweave tabs \S+/, `tideweave tabs ${version}`);
  return {
    ...platform,
    openChannel: (name, received) => platform.openChannel(named(name), received),
    lock: (name, ...rest) => platform.lock(named(name), ...rest),
  };
}

const store = openBrowserStore({ location: 'tabs', onError: ({ message }) => problems.push(message) });
const environment = platformEnvironment(url, undefined);
const client = new SyncClient(
  { url, tabs: shareTabs({ identity: asked.get('user') ?? '' }), ...(asked.has('kept') ? { store } : {}) },
  version === null ? environment : { ...environment, tabs: otherVersion(browserTabs()) },
);
const handle = client.open('document');
handle.on('refused', ({ reason }) => problems.push(reason));
handle.on('storefailed', ({ message }) => problems.push(message));
const list = handle.doc.getArray<string>('words');

const me = `tab ${crypto.randomUUID()}`;
const held = new Promise<void>((granted) => {
  void navigator.locks.request(me, () => {
    granted();
    return new Promise(() => undefined);
  });
});

let typing: ReturnType<typeof setInterval> | undefined;
const typed: string[] = [];

const page = {
  /** Whether this tab has the connection. */
  async leads(): Promise<boolean> {
    await held;
    const locks = (await navigator.locks.query()).held ?? [];
    const mine = locks.find(({ name }) => name === me)?.clientId;
    return locks.some(
      ({ name, clientId }) =>
        name?.startsWith('tideweave tabs') === true && !name.includes(' link ') && clientId === mine,
    );
  },
  /** Types a word every few milliseconds, each one once. */
  begin(who: string): void {
    typing = setInterval(() => page.type(`${who}-${typed.length}`), 15);
  },
  end(): void {
    clearInterval(typing);
  },
  type(word: string): void {
    list.insert(Math.floor(list.length / 2), [word]);
    typed.push(word);
  },
  typed: (): string[] => typed,
  words: (): string[] => list.toArray(),
  problems: (): string[] => problems,
  saved: (tier: 'device' | 'server'): Promise<void> => handle.whenSaved({ tier }),
  synced: (): Promise<void> => handle.whenSynced(),
  status: (): DocumentStatus => handle.status,
  caret: (at: number): void => handle.awareness.setLocalStateField('caret', at),
  carets: (): number[] => [...handle.awareness.getStates().values()].flatMap(({ caret }) => (caret as number) ?? []),
};

export type TabsPage = typeof page;

declare global {
  var tideweaveTabs: TabsPage;
}
globalThis.tideweaveTabs = page;
