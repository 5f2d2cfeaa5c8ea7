import type { DocumentHandle } from '@tideweave/client';
import { EditorState } from '@codemirror/state';
import { EditorView, keymap, placeholder } from '@codemirror/view';
import { minimalSetup } from 'codemirror';
import { useEffect, useRef } from 'react';
import { yCollab, yUndoManagerKeymap } from 'y-codemirror.next';

const theme = EditorView.theme({
  '&': { fontSize: '1rem', color: 'var(--text)', height: '100%' },
  '&.cm-focused': { outline: 'none' },
  '.cm-content': { caretColor: 'var(--text)', padding: '0.75rem', minHeight: '12rem' },
  '.cm-scroller': { fontFamily: 'ui-monospace, monospace', lineHeight: '1.6' },
  '.cm-cursor': { borderLeftColor: 'var(--text)' },
  '.cm-placeholder': { color: 'var(--muted)' },
  '&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground': { background: 'var(--selection)' },
  '.cm-selectionBackground': { background: 'var(--selection)' },
  '.cm-ySelectionInfo': { opacity: '1', fontFamily: 'inherit', borderRadius: '3px', padding: '0 4px' },
});

/**
 * Plain text in CodeMirror, with the others' carets. In a shadow root its styles are adopted style sheets, which the page's
 * Content-Security-Policy need not allow.
 */
export function TextEditor({ handle, label }: { handle: DocumentHandle; label: string }) {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const element = place.current;
    if (element === null) return undefined;
    const root = element.shadowRoot ?? element.attachShadow({ mode: 'open' });
    const text = handle.doc.getText('text');
    const view = new EditorView({
      root,
      parent: root,
      state: EditorState.create({
        doc: text.toJSON(),
        extensions: [
          keymap.of([...yUndoManagerKeymap]),
          minimalSetup,
          EditorView.lineWrapping,
          EditorView.contentAttributes.of({ 'aria-label': label }),
          placeholder('Write something …'),
          theme,
          yCollab(text, handle.awareness),
        ],
      }),
    });
    return () => {
      view.destroy();
      handle.awareness.setLocalStateField('cursor', null);
    };
  }, [handle, label]);
  return <div className="text" ref={place} />;
}
