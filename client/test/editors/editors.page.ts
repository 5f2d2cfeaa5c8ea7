/** The page: one editor on one provider, both named in the address. */
import { TideweaveProvider } from '@tideweave/client';
import { WebsocketProvider } from 'y-websocket';
import * as Y from 'yjs';
import type { EditorName, EditorPage, Mount, Visit } from './editor-page.ts';

const editors: Record<EditorName, () => Promise<{ mount: Mount }>> = {
  codemirror: () => import('./pages/codemirror.ts'),
  prosemirror: () => import('./pages/prosemirror.ts'),
  tiptap: () => import('./pages/tiptap.ts'),
  lexical: () => import('./pages/lexical.ts'),
  quill: () => import('./pages/quill.ts'),
  monaco: () => import('./pages/monaco.ts'),
  blocknote: () => import('./pages/blocknote.ts'),
  slate: () => import('./pages/slate.ts'),
};

async function visit({ editor, client, relay, document: name, user }: Visit): Promise<EditorPage> {
  const { mount } = await editors[editor]();
  const doc = new Y.Doc();
  // Lexical connects by itself when it is mounted.
  const connect = editor !== 'lexical';
  // What switching means: the line with one name is exchanged for the line with the other.
  const provider =
    client === 'ours'
      ? new TideweaveProvider(relay, name, doc, { connect })
      : new WebsocketProvider(relay, name, doc, { connect, disableBc: true, maxBackoffTime: 300 });
  const root = document.body.appendChild(document.createElement('main'));
  const color = client === 'ours' ? '#1971c2' : '#e8590c';
  const mounted = await mount(root, { doc, provider, user: { name: user, color }, mayBootstrap: client === 'ours' });
  return {
    focus: () => mounted.focus(),
    text: () => mounted.text(),
    carets: () => mounted.carets(),
    synced: () => provider.synced,
    unsaved: () => (provider instanceof TideweaveProvider ? provider.status.pending.updates : null),
    update: () => Array.from(Y.encodeStateAsUpdate(doc)),
  };
}

declare global {
  var tideweaveEditor: EditorPage;
}

globalThis.tideweaveEditor = await visit(Object.fromEntries(new URLSearchParams(location.search)) as unknown as Visit);
