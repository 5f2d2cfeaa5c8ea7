/**
 * The provider against the types of the bindings that take it: this file is compiled and never run. Where a binding says
 * `any` (y-codemirror.next, Tiptap), what it reads is written out here instead.
 */
import type { BlockNoteEditor } from '@blocknote/core';
import type { CollaborationPlugin } from '@lexical/react/LexicalCollaborationPlugin';
import type { Provider as LexicalProvider } from '@lexical/yjs';
import type { TideweaveProvider, TideweaveProviderOptions } from '@tideweave/client';
import type { CollaborationCaretOptions } from '@tiptap/extension-collaboration-caret';
import { expectTypeOf } from 'expect-type';
import type { yCollab } from 'y-codemirror.next';
import type { MonacoBinding } from 'y-monaco';
import type { yCursorPlugin } from 'y-prosemirror';
import type { Awareness } from 'y-protocols/awareness';
import type { QuillBinding } from 'y-quill';
import type { WebsocketProvider } from 'y-websocket';
import type * as Y from 'yjs';

type Presence = TideweaveProvider['awareness'];

// Lexical: its Provider, and what CollaborationPlugin takes from a factory.
expectTypeOf<TideweaveProvider>().toExtend<LexicalProvider>();
expectTypeOf<TideweaveProvider>().toExtend<ReturnType<Parameters<typeof CollaborationPlugin>[0]['providerFactory']>>();

// y-websocket's own class is not one, which is why Lexical's examples cast.
expectTypeOf<WebsocketProvider>().not.toExtend<LexicalProvider>();

// Tiptap: the option is `any`; its caret reads `states` as a property, listens to `update` and sets a field.
expectTypeOf<TideweaveProvider>().toExtend<CollaborationCaretOptions['provider']>();
expectTypeOf<TideweaveProvider>().toExtend<{
  readonly awareness: {
    readonly states: Map<number, Record<string, unknown>>;
    setLocalStateField(field: string, value: unknown): void;
    on(event: 'update', listener: () => void): void;
    off(event: 'update', listener: () => void): void;
  };
}>();

// CodeMirror: `any` again; it reads the client id from the document behind the presence.
expectTypeOf<Presence>().toExtend<Parameters<typeof yCollab>[1]>();
expectTypeOf<Presence>().toExtend<{
  readonly doc: { readonly clientID: number };
  getStates(): Map<number, Record<string, unknown>>;
  getLocalState(): Record<string, unknown> | null;
  setLocalStateField(field: string, value: unknown): void;
  on(event: 'change', listener: () => void): void;
  off(event: 'change', listener: () => void): void;
}>();

// BlockNote, ProseMirror, Monaco, Quill.
type BlockNoteOptions = NonNullable<Parameters<typeof BlockNoteEditor.create>[0]>;
expectTypeOf<TideweaveProvider>().toExtend<NonNullable<NonNullable<BlockNoteOptions['collaboration']>['provider']>>();
expectTypeOf<Presence>().toExtend<Parameters<typeof yCursorPlugin>[0]>();
expectTypeOf<Presence>().toExtend<ConstructorParameters<typeof MonacoBinding>[3]>();
expectTypeOf<Presence>().toExtend<ConstructorParameters<typeof QuillBinding>[2]>();

// Slate: the types of @slate-yjs are lost to a compiler that resolves as Node does; it wants an Awareness.
expectTypeOf<Presence>().toExtend<Awareness & { readonly clientID: number }>();

// A type that was not found is `any`, and everything extends that.
expectTypeOf<LexicalProvider>().not.toBeAny();
expectTypeOf<BlockNoteOptions>().not.toBeAny();
expectTypeOf<Parameters<typeof yCursorPlugin>[0]>().not.toBeAny();
expectTypeOf<ConstructorParameters<typeof MonacoBinding>[3]>().not.toBeAny();
expectTypeOf<ConstructorParameters<typeof QuillBinding>[2]>().not.toBeAny();

// Plate and Remirror have no types for it here: the members that they call.
expectTypeOf<TideweaveProvider>().toExtend<{
  readonly awareness: Presence;
  readonly doc: Y.Doc;
  readonly document: Y.Doc;
  readonly type: string;
  readonly isConnected: boolean;
  readonly isSynced: boolean;
  connect(): void;
  disconnect(): void;
  destroy(): void;
}>();

// y-websocket: the same constructor, and the events and members that applications use.
type Theirs = ConstructorParameters<typeof WebsocketProvider>;
type Ours = ConstructorParameters<typeof TideweaveProvider>;
expectTypeOf<[Theirs[0], Theirs[1], Theirs[2]]>().toEqualTypeOf<[Ours[0], Ours[1], Ours[2]]>();
type Common = 'connect' | 'awareness' | 'params' | 'resyncInterval' | 'maxBackoffTime' | 'disableBc';
expectTypeOf<NonNullable<Theirs[3]>>().toExtend<{ [Name in Common]?: TideweaveProviderOptions[Name] | undefined }>();
expectTypeOf<Pick<TideweaveProvider, 'doc' | 'roomname' | 'serverUrl' | 'awareness'>>().toExtend<
  Pick<WebsocketProvider, 'doc' | 'roomname' | 'serverUrl' | 'awareness'>
>();
expectTypeOf<Pick<TideweaveProvider, 'wsconnected' | 'wsconnecting' | 'synced' | 'shouldConnect'>>().toExtend<
  Pick<WebsocketProvider, 'wsconnected' | 'wsconnecting' | 'synced' | 'shouldConnect'>
>();
declare const provider: TideweaveProvider;
provider.on('status', ({ status }) =>
  expectTypeOf(status).toEqualTypeOf<'connected' | 'connecting' | 'disconnected'>(),
);
provider.on('sync', (isSynced) => expectTypeOf(isSynced).toEqualTypeOf<boolean>());
provider.on('connection-close', (event, from) => {
  expectTypeOf(event).toEqualTypeOf<CloseEvent | null>();
  expectTypeOf(from).toEqualTypeOf<TideweaveProvider>();
});
provider.once('closed', ({ code, reason }) =>
  expectTypeOf([code, reason] as const).toEqualTypeOf<readonly [number, string]>(),
);
// @ts-expect-error there is no such event
provider.on('sinc', () => undefined);
