import { useCallback, useSyncExternalStore } from 'react';

/** A value that components follow. */
export class Observable<Value> {
  #value: Value;
  readonly #listeners = new Set<() => void>();

  constructor(value: Value) {
    this.#value = value;
  }

  get value(): Value {
    return this.#value;
  }

  set value(value: Value) {
    this.#value = value;
    for (const listener of this.#listeners) listener();
  }

  listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

export function useObservable<Value>(observable: Observable<Value>): Value {
  const subscribe = useCallback((changed: () => void) => observable.listen(changed), [observable]);
  return useSyncExternalStore(subscribe, () => observable.value);
}
