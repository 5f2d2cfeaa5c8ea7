import * as monaco from 'monaco-editor/esm/vs/editor/editor.api.js';
import { MonacoBinding } from 'y-monaco';
import type { Mount } from '../editor-page.ts';

// It wants a worker for what no plain text needs.
globalThis.MonacoEnvironment = { getWorker: () => new Worker(URL.createObjectURL(new Blob(['']))) };

export const mount: Mount = (root, { doc, provider, user }) => {
  const { awareness } = provider;
  awareness.setLocalStateField('user', user);
  root.style.height = '300px';
  const editor = monaco.editor.create(root, { value: '', language: 'plaintext', quickSuggestions: false });
  const model = editor.getModel();
  if (model === null) throw new Error('the editor has no model');
  const binding = new MonacoBinding(doc.getText('monaco'), model, new Set([editor]), awareness);
  // y-monaco leaves names and colours to style sheets: a rule for each participant.
  const style = document.head.appendChild(document.createElement('style'));
  const rules = (): void => {
    style.textContent = Array.from(awareness.getStates(), ([client, state]) => {
      const { name = '', color = '' } = (state['user'] ?? {}) as { name?: string; color?: string };
      return `.yRemoteSelectionHead-${client} { border-left: 2px solid ${color}; }
        .yRemoteSelectionHead-${client}::after { content: ${JSON.stringify(name)}; }`;
    }).join('\n');
  };
  awareness.on('change', rules);
  rules();
  return {
    focus: () => editor.focus(),
    text: () => binding.monacoModel.getValue(),
    carets: () =>
      Array.from(root.querySelectorAll('.yRemoteSelectionHead'), (element) =>
        getComputedStyle(element, '::after').content.replaceAll('"', ''),
      ),
  };
};
