/** What the examples of the documentation take as given, as declarations. */
export const surroundings = `
import type { DocumentHandle, SyncClient } from '@tideweave/client';
import type { DocumentMerge, MergeEntry } from '@tideweave/client/merge';
import type { OfflineStore } from '@tideweave/client/store';
import type { Doc } from 'yjs';

declare global {
  const url: string;
  function fetchToken(): Promise<string>;

  const doc: Doc;
  const store: OfflineStore;
  const client: SyncClient;
  const handle: DocumentHandle;

  const entry: MergeEntry;
  const merge: DocumentMerge;
  function show(entries: readonly MergeEntry[]): void;

  function userOf(token: string): Promise<{ readonly id: string }>;
  function mayOpen(user: { readonly id: string }, document: string | null): boolean;
  function mayEdit(user: { readonly id: string }, document: string | null): boolean;
}
`;

export const compilerOptions = {
  target: 'es2023',
  lib: ['es2023', 'dom', 'dom.iterable'],
  types: ['node'],
  module: 'preserve',
  moduleResolution: 'bundler',
  jsx: 'react-jsx',
  strict: true,
  // An example in JavaScript has no types to be strict about, but its names, members and options have to exist.
  noImplicitAny: false,
  allowJs: true,
  checkJs: true,
  allowImportingTsExtensions: true,
  skipLibCheck: true,
  noEmit: true,
};
