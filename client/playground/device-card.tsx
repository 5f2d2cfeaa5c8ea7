import { useDoc, usePresence, useSyncStatus } from '@tideweave/client/react';
import { Suspense, lazy, useEffect } from 'react';
import type { View } from './app.tsx';
import type { Device, User } from './devices.ts';
import { FormEditor } from './form-editor.tsx';
import { MergePanel } from './merge-panel.tsx';
import { NetworkPanel } from './network-panel.tsx';
import { useObservable } from './observable.ts';
import { statusText } from './status-text.ts';

const TextEditor = lazy(async () => ({ default: (await import('./text-editor.tsx')).TextEditor }));
const RichEditor = lazy(async () => ({ default: (await import('./rich-editor.tsx')).RichEditor }));

interface DeviceCardProps {
  readonly device: Device;
  /** The document's. */
  readonly name: string;
  readonly view: View;
}

export function DeviceCard({ device, name, view }: DeviceCardProps) {
  const { letter, user, network } = device;
  const handle = useDoc(name);
  const { others, set } = usePresence<{ user: User }>(handle);
  useEffect(() => set({ user }), [handle, user]);
  const label = `${user.name} on device ${letter}`;
  return (
    <section className="card" aria-labelledby={`device-${letter}`}>
      <header>
        <h2 id={`device-${letter}`}>
          <span className="dot" style={{ background: user.color }} /> Device {letter}{' '}
          <span className="muted">{user.name}</span>
        </h2>
        <ul className="people" aria-label="Who else is here">
          {others.map(({ clientId, state }) => (
            <li key={clientId} style={{ background: state.user?.color }}>
              {state.user?.name ?? 'somebody'}
            </li>
          ))}
        </ul>
      </header>
      <StatusPill device={device} name={name} />
      <NetworkPanel network={network} letter={letter} />
      <MergePanel handle={handle} user={user} />
      <div className="editor">
        {view === 'form' && <FormEditor handle={handle} />}
        <Suspense fallback={<p className="muted">Loads the editor …</p>}>
          {view === 'text' && <TextEditor handle={handle} label={`Text of ${label}`} />}
          {view === 'rich' && <RichEditor handle={handle} user={user} label={`Rich text of ${label}`} />}
        </Suspense>
      </div>
    </section>
  );
}

/** Where the newest edit is, and whether there is a connection; loud only when something can be lost. */
function StatusPill({ device: { network }, name }: { device: Device; name: string }) {
  const status = useSyncStatus(useDoc(name), { smooth: true });
  const client = useSyncStatus();
  const { isOffline } = useObservable(network.conditions);
  const { tone, label, detail } = statusText(status, client);
  const isConnected = client.connection === 'connected' && !isOffline;
  return (
    <div className="status" role="status">
      <span className={`pill ${tone}`}>{label}</span>
      {!isConnected && <span className="pill off">{isOffline ? 'Offline' : 'No connection'}</span>}
      <span className="detail">{detail}</span>
      {status.progress !== null && (
        <progress aria-label="Download" value={status.progress.receivedBytes} max={status.progress.totalBytes} />
      )}
      {status.upload !== null && (
        <progress aria-label="Upload" value={status.upload.savedBytes} max={status.upload.totalBytes} />
      )}
    </div>
  );
}
