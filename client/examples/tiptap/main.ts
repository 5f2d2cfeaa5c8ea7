import { TideweaveProvider } from '@tideweave/client';
import { Editor } from '@tiptap/core';
import { Collaboration } from '@tiptap/extension-collaboration';
import { CollaborationCaret } from '@tiptap/extension-collaboration-caret';
import { StarterKit } from '@tiptap/starter-kit';
import * as Y from 'yjs';

const doc = new Y.Doc();
const provider = new TideweaveProvider('ws://127.0.0.1:1234', 'tiptap-example', doc);

const status = document.querySelector('#status')!;
provider.on('status', (event) => {
  status.textContent = event.status;
});

export const editor: Editor = new Editor({
  element: document.querySelector('#editor')!,
  extensions: [
    // Undo is the collaboration's: it takes back what this user did, not what others did.
    StarterKit.configure({ undoRedo: false }),
    Collaboration.configure({ document: doc }),
    CollaborationCaret.configure({
      provider,
      user: { name: `Guest ${doc.clientID % 1000}`, color: '#1971c2' },
    }),
  ],
});
