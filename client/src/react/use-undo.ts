import { useCallback, useEffect, useMemo, useRef, useState, useSyncExternalStore } from 'react';
import * as Y from 'yjs';

export interface UndoOptions {
  /** Origins of the transactions that can be undone; default `null`, which edits without an origin have. */
  readonly origins?: readonly unknown[];
  /** Edits closer together than this are undone in one step; default 500 ms. */
  readonly captureTimeoutMs?: number;
}

export interface UseUndo {
  readonly canUndo: boolean;
  readonly canRedo: boolean;
  readonly undo: () => void;
  readonly redo: () => void;
  /** The next edit begins a step of its own. */
  readonly stopCapturing: () => void;
}

/** A shared type, or several that are undone together. */
// oxlint-disable-next-line typescript/no-explicit-any -- as Yjs declares what an undo manager takes
type Scope = Y.AbstractType<any> | readonly Y.AbstractType<any>[];

/** Undo and redo of the edits made here, not those of others. The history is this component's, from its mount on. */
export function useUndo(scope: Scope, { origins, captureTimeoutMs = 500 }: UndoOptions = {}): UseUndo {
  const types = useSameItems(Array.isArray(scope) ? (scope as readonly unknown[]) : [scope]);
  const tracked = useSameItems(origins ?? [null]);
  const [manager, setManager] = useState<Y.UndoManager | null>(null);
  useEffect(() => {
    const made = new Y.UndoManager([...types] as Y.Map<unknown>[], {
      captureTimeout: captureTimeoutMs,
      trackedOrigins: new Set(tracked),
    });
    setManager(made);
    return () => made.destroy();
  }, [types, tracked, captureTimeoutMs]);
  const subscribe = useCallback(
    (changed: () => void) => {
      for (const event of stackEvents) manager?.on(event, changed);
      return () => {
        for (const event of stackEvents) manager?.off(event, changed);
      };
    },
    [manager],
  );
  const canUndo = (): boolean => manager?.canUndo() ?? false;
  const canRedo = (): boolean => manager?.canRedo() ?? false;
  const actions = useMemo(
    () => ({
      undo: () => void manager?.undo(),
      redo: () => void manager?.redo(),
      stopCapturing: () => manager?.stopCapturing(),
    }),
    [manager],
  );
  return {
    canUndo: useSyncExternalStore(subscribe, canUndo, canUndo),
    canRedo: useSyncExternalStore(subscribe, canRedo, canRedo),
    ...actions,
  };
}

const stackEvents = ['stack-item-added', 'stack-item-popped', 'stack-item-updated', 'stack-cleared'] as const;

/** The same array as long as the same items are in it, so that a list written in the component is not a new one each time. */
function useSameItems(items: readonly unknown[]): readonly unknown[] {
  const last = useRef(items);
  const isSame = last.current.length === items.length && last.current.every((item, at) => Object.is(item, items[at]));
  if (!isSame) last.current = items;
  return last.current;
}
