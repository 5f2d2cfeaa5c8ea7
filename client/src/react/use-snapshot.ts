import { useMemo, useSyncExternalStore } from 'react';
import { isEqual } from './equality.ts';

export type Subscribe = (changed: () => void) => () => void;

/**
 * What `read` finds, read again whenever `subscribe` says so; a result equal to the one before is the one before, so that
 * nothing renders for nothing. Both functions have to be the same from render to render as long as they do the same.
 */
export function useSnapshot<Value>(
  subscribe: Subscribe,
  read: () => Value,
  same: (a: Value, b: Value) => boolean = isEqual,
): Value {
  const stable = useMemo(() => {
    let last: { readonly value: Value } | null = null;
    return () => {
      const value = read();
      if (last === null || !same(last.value, value)) last = { value };
      return last.value;
    };
  }, [read, same]);
  return useSyncExternalStore(subscribe, stable, stable);
}
