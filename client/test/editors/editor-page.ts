/** What the test and the page that it drives agree on. */
import type { TideweaveProvider } from '@tideweave/client';
import type { WebsocketProvider } from 'y-websocket';
import type * as Y from 'yjs';

/** What a page is to do; stands in its address. */
export interface Visit {
  readonly editor: EditorName;
  /** Whose provider the page uses. */
  readonly client: 'ours' | 'stock';
  /** `ws://…` without a path. */
  readonly relay: string;
  readonly document: string;
  readonly user: string;
}

export type EditorName =
  | 'codemirror'
  | 'prosemirror'
  | 'tiptap'
  | 'lexical'
  | 'quill'
  | 'monaco'
  | 'blocknote'
  | 'slate';

/** What an editor is mounted with. */
export interface Session {
  readonly doc: Y.Doc;
  readonly provider: TideweaveProvider | WebsocketProvider;
  readonly user: { readonly name: string; readonly color: string };
  /** Whether this page may give an empty document its first paragraph: one of them only. */
  readonly mayBootstrap: boolean;
}

/** A mounted editor. */
export interface Editor {
  focus(): void;
  /** What the editor shows, a line for each paragraph. */
  text(): string;
  /** Names at the carets of others, as they stand on the screen. */
  carets(): string[];
}

export type Mount = (root: HTMLElement, session: Session) => Editor | Promise<Editor>;

/** What the test calls in the page, as `tideweaveEditor`. */
export interface EditorPage extends Editor {
  synced(): boolean;
  /** Edits that the provider says are unsaved; null where it does not say. */
  unsaved(): number | null;
  /** The document as a Yjs update. */
  update(): number[];
}

/** The texts of all elements that a selector finds. */
export function textsOf(root: ParentNode, selector: string): string[] {
  return Array.from(root.querySelectorAll(selector), (element) => element.textContent.trim());
}
