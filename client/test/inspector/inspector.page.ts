/** An application in development that mounts the inspector, with a client of its own. Bundled by the test. */
import { SyncClient } from '@tideweave/client';
import { SyncInspector } from '@tideweave/client/inspector';
// oxlint-disable-next-line import/no-unassigned-import -- as an application imports a style sheet
import '@tideweave/client/inspector.css';
import { StrictMode, createElement as h } from 'react';
import { createRoot } from 'react-dom/client';

const url = new URLSearchParams(location.search).get('relay') ?? '';
const client = new SyncClient({ url, device: 'the application' });
client.open('notes').doc.getText('text').insert(0, 'typed in the application');
const root = document.createElement('div');
document.body.append(root);
createRoot(root).render(h(StrictMode, null, h(SyncInspector, { url, client })));
