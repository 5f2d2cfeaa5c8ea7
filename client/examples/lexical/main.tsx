/* oxlint-disable typescript/no-deprecated -- LexicalComposer has a successor, but is what most applications have */
import { LexicalCollaboration } from '@lexical/react/LexicalCollaborationContext';
import { CollaborationPlugin } from '@lexical/react/LexicalCollaborationPlugin';
import { LexicalComposer } from '@lexical/react/LexicalComposer';
import { ContentEditable } from '@lexical/react/LexicalContentEditable';
import { LexicalErrorBoundary } from '@lexical/react/LexicalErrorBoundary';
import { RichTextPlugin } from '@lexical/react/LexicalRichTextPlugin';
import { TideweaveProvider } from '@tideweave/client';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import * as Y from 'yjs';

// Outside the component: a new function at every render would make a new provider.
function providerFactory(id: string, documents: Map<string, Y.Doc>) {
  const doc = new Y.Doc();
  documents.set(id, doc);
  // The plugin connects when it listens.
  return new TideweaveProvider('ws://127.0.0.1:1234', id, doc, { connect: false });
}

const config = {
  namespace: 'example',
  // Null: the content comes from the document.
  editorState: null,
  onError: (error: Error) => console.error(error),
};

function App() {
  return (
    <LexicalCollaboration>
      <LexicalComposer initialConfig={config}>
        <RichTextPlugin contentEditable={<ContentEditable />} ErrorBoundary={LexicalErrorBoundary} />
        <CollaborationPlugin
          id="lexical-example"
          providerFactory={providerFactory}
          // For one device only, where there is more than one: see the documentation of the plugin.
          shouldBootstrap={location.hash !== '#guest'}
          username={`Guest ${Math.floor(Math.random() * 1000)}`}
          cursorColor="#1971c2"
        />
      </LexicalComposer>
    </LexicalCollaboration>
  );
}

createRoot(document.querySelector('#root')!).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
