import { EditorState } from '@codemirror/state';
import { TideweaveProvider } from '@tideweave/client';
import { EditorView, basicSetup } from 'codemirror';
import { yCollab } from 'y-codemirror.next';
import * as Y from 'yjs';

const doc = new Y.Doc();
const provider = new TideweaveProvider('ws://127.0.0.1:1234', 'codemirror-example', doc);
provider.awareness.setLocalStateField('user', {
  name: `Guest ${doc.clientID % 1000}`,
  color: '#1971c2',
  colorLight: '#1971c233',
});

const status = document.querySelector('#status')!;
provider.on('status', (event) => {
  status.textContent = event.status;
});

const text = doc.getText('codemirror');
const state = EditorState.create({
  doc: text.toJSON(),
  extensions: [basicSetup, yCollab(text, provider.awareness)],
});
export const view: EditorView = new EditorView({ state, parent: document.querySelector('#editor')! });
