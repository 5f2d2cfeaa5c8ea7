import type { DocumentHandle } from '@tideweave/client';
import { Editor } from '@tiptap/core';
import { Collaboration } from '@tiptap/extension-collaboration';
import { CollaborationCaret } from '@tiptap/extension-collaboration-caret';
import { StarterKit } from '@tiptap/starter-kit';
import { useEffect, useRef, useState } from 'react';
import type { User } from './devices.ts';

interface RichEditorProps {
  readonly handle: DocumentHandle;
  readonly user: User;
  readonly label: string;
}

interface Action {
  readonly label: string;
  readonly isOn: (editor: Editor) => boolean;
  readonly run: (editor: Editor) => unknown;
}

const actions: readonly Action[] = [
  {
    label: 'Bold',
    isOn: (editor) => editor.isActive('bold'),
    run: (editor) => editor.chain().focus().toggleBold().run(),
  },
  {
    label: 'Italic',
    isOn: (editor) => editor.isActive('italic'),
    run: (editor) => editor.chain().focus().toggleItalic().run(),
  },
  {
    label: 'Heading',
    isOn: (editor) => editor.isActive('heading', { level: 2 }),
    run: (editor) => editor.chain().focus().toggleHeading({ level: 2 }).run(),
  },
  {
    label: 'List',
    isOn: (editor) => editor.isActive('bulletList'),
    run: (editor) => editor.chain().focus().toggleBulletList().run(),
  },
];

/** Rich text in Tiptap, with the others' carets. */
export function RichEditor({ handle, user, label }: RichEditorProps) {
  const place = useRef<HTMLDivElement>(null);
  const [editor, setEditor] = useState<Editor | null>(null);
  const [, render] = useState(0);
  useEffect(() => {
    const made = new Editor({
      element: place.current,
      injectCSS: false,
      extensions: [
        StarterKit.configure({ undoRedo: false }),
        Collaboration.configure({ document: handle.doc, field: 'rich' }),
        CollaborationCaret.configure({ provider: { awareness: handle.awareness }, user: { ...user } }),
      ],
      editorProps: { attributes: { 'aria-label': label, role: 'textbox', 'aria-multiline': 'true' } },
      onTransaction: () => render((count) => count + 1),
    });
    setEditor(made);
    return () => {
      made.destroy();
      handle.awareness.setLocalStateField('cursor', null);
    };
  }, [handle, user, label]);
  return (
    <>
      <div className="row buttons" role="group" aria-label="Format">
        {actions.map((action) => (
          <button
            key={action.label}
            type="button"
            aria-pressed={editor !== null && !editor.isDestroyed && action.isOn(editor)}
            onClick={() => editor !== null && action.run(editor)}
          >
            {action.label}
          </button>
        ))}
      </div>
      <div className="rich" ref={place} />
    </>
  );
}
