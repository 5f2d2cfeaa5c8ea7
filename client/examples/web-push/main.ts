/** A list of notes, and a button that lets pushes wake this device: `?device=…` is what it is called. */
import { SyncClient } from '@tideweave/client';

const device = new URLSearchParams(location.search).get('device') ?? 'laptop';
const { key, relayPort } = (await (await fetch('settings')).json()) as { key: string; relayPort: number };
const url = `ws://127.0.0.1:${relayPort}`;
await navigator.serviceWorker.register(`sw.js?${new URLSearchParams({ device, relay: url })}`);

const handle = new SyncClient({ url, token: device, store: 'device' }).open('notes');
const notes = handle.doc.getArray<string>('notes');
const list = document.querySelector('ul');
const show = (): void =>
  list?.replaceChildren(
    ...notes.map((note) => {
      const item = document.createElement('li');
      item.textContent = note;
      return item;
    }),
  );
notes.observe(show);
show();

document.querySelector('form')?.addEventListener('submit', (event) => {
  event.preventDefault();
  const input = document.querySelector('input');
  if (input === null) return;
  notes.push([input.value]);
  input.value = '';
});

async function subscribe(): Promise<void> {
  if ((await Notification.requestPermission()) !== 'granted') return;
  const { pushManager } = await navigator.serviceWorker.ready;
  const subscription = await pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key });
  await fetch('devices', { method: 'POST', body: JSON.stringify({ device, documents: ['notes'], subscription }) });
}

document.querySelector('#wake')?.addEventListener('click', () => void subscribe());
