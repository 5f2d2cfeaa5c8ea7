/** What the hooks take and give, as TypeScript sees it: this file is compiled and never run. */
import type { ClientStatus, DocumentHandle, DocumentStatus, SyncClient } from '@tideweave/client';
import type { DocumentMerge, MergeEntry, RestoreOptions, RestoreResult } from '@tideweave/client/merge';
import {
  type JsonOf,
  type Peer,
  type SyncProviderProps,
  type UseUndo,
  SyncProvider,
  useDoc,
  useMerges,
  usePresence,
  useShared,
  useSyncClient,
  useSyncStatus,
  useUndo,
} from '@tideweave/client/react';
import { expectTypeOf } from 'expect-type';
import type { ComponentProps, ReactElement } from 'react';
import type * as Y from 'yjs';

/** Never called: hooks are called in components only. */
export function useAll(handle: DocumentHandle, map: Y.Map<string>, list: Y.Array<number>, text: Y.Text): void {
  expectTypeOf<ComponentProps<typeof SyncProvider>>().toEqualTypeOf<SyncProviderProps>();
  expectTypeOf(SyncProvider).returns.toEqualTypeOf<ReactElement>();
  expectTypeOf(useSyncClient).returns.toEqualTypeOf<SyncClient>();

  expectTypeOf(useDoc('notes')).toEqualTypeOf<DocumentHandle>();
  // @ts-expect-error -- a document has a name
  useDoc();

  // With a document its status, without one that of the client.
  expectTypeOf(useSyncStatus(handle, { smooth: 300 })).toEqualTypeOf<DocumentStatus>();
  expectTypeOf(useSyncStatus(undefined, { smooth: true })).toEqualTypeOf<ClientStatus>();
  expectTypeOf(useSyncStatus()).toEqualTypeOf<ClientStatus>();
  // @ts-expect-error -- a time in milliseconds or a yes
  useSyncStatus(handle, { smooth: '300ms' });

  const presence = usePresence<{ name: string; caret?: number }>(handle);
  expectTypeOf(presence.mine).toEqualTypeOf<{ name: string; caret?: number } | null>();
  expectTypeOf(presence.others).toEqualTypeOf<readonly Peer<{ name: string; caret?: number }>[]>();
  expectTypeOf(presence.set).parameter(0).toEqualTypeOf<{ name?: string; caret?: number }>();
  expectTypeOf(usePresence(handle).mine).toEqualTypeOf<Readonly<Record<string, unknown>> | null>();
  // @ts-expect-error -- presence is an object
  usePresence<string>(handle);

  // Without a selector what `toJSON` of the type gives, with one what it takes.
  expectTypeOf<JsonOf<Y.Text>>().toEqualTypeOf<string>();
  expectTypeOf(useShared(text)).toEqualTypeOf<string>();
  expectTypeOf(useShared(map)).toEqualTypeOf<ReturnType<Y.Map<string>['toJSON']>>();
  expectTypeOf(useShared(map, (of) => of.get('title'))).toEqualTypeOf<string | undefined>();
  expectTypeOf(useShared(list, (of) => of.toArray().map(String))).toEqualTypeOf<string[]>();
  useShared(
    list,
    (of) => ({ length: of.length }),
    (a, b) => {
      expectTypeOf(a).toEqualTypeOf<{ length: number }>();
      return a.length === b.length;
    },
  );
  const difference = (a: number, b: number): number => a - b;
  // @ts-expect-error -- a comparison says yes or no
  useShared(list, (of) => of.length, difference);

  expectTypeOf(useUndo(map)).toEqualTypeOf<UseUndo>();
  expectTypeOf(useUndo([map, list, text], { origins: ['form'], captureTimeoutMs: 0 })).toEqualTypeOf<UseUndo>();
  // @ts-expect-error -- what can be undone are shared types
  useUndo(handle.doc);

  const { merges, restoreMine, dismiss } = useMerges(handle);
  expectTypeOf(merges).toEqualTypeOf<readonly DocumentMerge[]>();
  expectTypeOf<typeof restoreMine>().toExtend<(entry: MergeEntry, options?: RestoreOptions) => Promise<unknown>>();
  expectTypeOf(restoreMine).returns.resolves.toEqualTypeOf<RestoreResult>();
  expectTypeOf<typeof dismiss>().toExtend<(merge?: DocumentMerge) => void>();
  // @ts-expect-error -- an entry of a report, not its place
  void restoreMine('title');
  // @ts-expect-error -- a report, not an entry of it
  dismiss(merges[0]?.report.entries[0]);
}
