/** The service worker: a push brings the document up to date on the device, though no page is open. */
import { SyncClient } from '@tideweave/client';

declare const self: ServiceWorkerGlobalScope;

const query = new URL(self.location.href).searchParams;
const url = query.get('relay') ?? 'ws://127.0.0.1:1234';
const token = query.get('device') ?? '';
const pages = 'pages';

async function wake(document: string): Promise<void> {
  const client = new SyncClient({ url, token, store: 'device', connect: false });
  let isHere = false;
  try {
    const [result] = await client.syncNow([document], { timeoutMs: 20_000 });
    isHere = result?.error === null;
  } finally {
    client.destroy();
    // Browsers ask that every push shows something.
    const body = isHere ? 'Changed, and here to be read offline.' : 'Changed.';
    await self.registration.showNotification(document, { body, tag: document });
  }
}

self.addEventListener('push', (event) => {
  const message = event.data?.json() as { document: string } | undefined;
  if (message !== undefined) event.waitUntil(wake(message.document));
});

self.addEventListener('notificationclick', (event) => {
  event.notification.close();
  event.waitUntil(self.clients.openWindow(`./?device=${encodeURIComponent(token)}`));
});

// The page itself opens offline, too.
self.addEventListener('install', (event) => {
  event.waitUntil(caches.open(pages).then((cache) => cache.addAll(['./', 'main.js', 'settings'])));
});

self.addEventListener('fetch', (event) => {
  if (event.request.method !== 'GET') return;
  event.respondWith(
    fetch(event.request).catch(
      async () => (await caches.match(event.request, { ignoreSearch: true })) ?? Response.error(),
    ),
  );
});
