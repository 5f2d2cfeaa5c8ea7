import { SyncClient } from '@tideweave/client';
import { SyncProvider, useDoc, useShared, useSyncStatus } from '@tideweave/client/react';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';

const url = new URL('.', location.href);
url.protocol = url.protocol.replace('http', 'ws');
const clients = [new SyncClient({ url: url.href, device: 'A' }), new SyncClient({ url: url.href, device: 'B' })];

function Device() {
  const handle = useDoc('playground');
  const card = handle.doc.getMap<string>('card');
  const title = useShared(card, (map) => map.get('title') ?? '');
  const { safe } = useSyncStatus(handle, { smooth: true });
  return (
    <label>
      Title ({safe})
      <input value={title} onChange={({ target }) => card.set('title', target.value)} />
    </label>
  );
}

const root = document.querySelector('#root');
if (root !== null) {
  createRoot(root).render(
    <StrictMode>
      {clients.map((client, at) => (
        <SyncProvider key={at} client={client}>
          <Device />
        </SyncProvider>
      ))}
    </StrictMode>,
  );
}
