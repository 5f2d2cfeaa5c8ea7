/** How tabs find each other in a browser: the only user of BroadcastChannel in the client. */
import type { Cancel } from '@tideweave/shared';
import type { TabsPlatform } from '../tabs/platform.ts';

/** The browser's. Only where `canShareTabs`. */
export function browserTabs(): TabsPlatform {
  const { locks } = navigator;
  return {
    openChannel(name, received) {
      const channel = new BroadcastChannel(name);
      channel.addEventListener('message', ({ data }) => received(data));
      return { post: (data) => channel.postMessage(data), close: () => channel.close() };
    },
    lock: (name, { steal }, granted, lost) => browserLock(locks, name, steal, granted, lost),
    randomId: () => crypto.randomUUID(),
    async digest(text) {
      const bytes = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
      return Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, '0')).join('');
    },
    watchPage,
  };
}

function browserLock(locks: LockManager, name: string, steal: boolean, granted: () => void, lost: () => void): Cancel {
  const controller = new AbortController();
  let release: (() => void) | null = null;
  let isOver = false;
  const held = (): Promise<void> =>
    new Promise((resolve) => {
      release = resolve;
      if (isOver) resolve();
      else granted();
    });
  locks.request(name, steal ? { steal } : { signal: controller.signal }, held).catch(() => {
    // Given up by this tab, or stolen by another.
    if (!isOver) lost();
  });
  return () => {
    isOver = true;
    controller.abort();
    release?.();
  };
}

/** `pagehide` comes for a page that is closed and for one that is kept for going back; `freeze` for one in the background. */
function watchPage(hidden: () => void, shown: () => void): Cancel {
  const pairs = [
    [globalThis, 'pagehide', hidden],
    [globalThis, 'pageshow', shown],
    [document, 'freeze', hidden],
    [document, 'resume', shown],
  ] as const;
  for (const [target, event, listener] of pairs) target.addEventListener(event, listener);
  return () => {
    for (const [target, event, listener] of pairs) target.removeEventListener(event, listener);
  };
}
