import { useCallback, useMemo, useSyncExternalStore } from 'react';
import type * as Y from 'yjs';
import { isEqual } from './equality.ts';

/** Any shared type: `Y.Map`, `Y.Array`, `Y.Text`, XML. */
type SharedType = Y.AbstractType<never>;

/** What a type holds, as JSON: what `toJSON` gives. */
export type JsonOf<Type> = Type extends { toJSON(): infer Json } ? Json : never;

/** Counts the changes of one type while anybody listens. */
class Changes {
  readonly #type: Y.AbstractType<unknown>;
  readonly #listeners = new Set<() => void>();
  #count = 0;

  constructor(type: SharedType) {
    this.#type = type as unknown as Y.AbstractType<unknown>;
  }

  /** Null: nobody listens, so nobody counts. */
  get count(): number | null {
    return this.#listeners.size === 0 ? null : this.#count;
  }

  listen(listener: () => void): () => void {
    // Of what happened before nobody knows.
    this.#count++;
    if (this.#listeners.size === 0) this.#type.observeDeep(this.#changed);
    // One component may listen twice, in StrictMode.
    const own = (): void => listener();
    this.#listeners.add(own);
    return () => {
      this.#listeners.delete(own);
      if (this.#listeners.size === 0) this.#type.unobserveDeep(this.#changed);
    };
  }

  readonly #changed = (): void => {
    this.#count++;
    for (const listener of this.#listeners) listener();
  };
}

const changesOf = new WeakMap<SharedType, Changes>();

function changes(type: SharedType): Changes {
  let found = changesOf.get(type);
  if (found === undefined) {
    found = new Changes(type);
    changesOf.set(type, found);
  }
  return found;
}

/**
 * What `selector` takes from a shared type and all within it, by default all of it as JSON; rendered again when that is
 * different. A result equal to the one before is the one before: `same` says what that means, by default all that is in it.
 */
export function useShared<Type extends object>(type: Type): JsonOf<Type>;
export function useShared<Type extends object, Result>(
  type: Type,
  selector: (type: Type) => Result,
  same?: (a: Result, b: Result) => boolean,
): Result;
export function useShared(
  type: object,
  selector: (type: never) => unknown = asJson,
  same: (a: never, b: never) => boolean = isEqual,
): unknown {
  const shared = type as SharedType;
  const cell = useMemo(() => new Selection(shared), [shared]);
  const subscribe = useCallback((changed: () => void) => changes(shared).listen(changed), [shared]);
  const read = (): unknown => cell.read(selector as Select, same as Same);
  return useSyncExternalStore(subscribe, read, read);
}

type Select = (type: SharedType) => unknown;
type Same = (a: unknown, b: unknown) => boolean;

/** The last result, as long as neither the type nor the selector is another. */
class Selection {
  readonly #type: SharedType;
  #last: { readonly count: number | null; readonly selector: Select; readonly value: unknown } | null = null;

  constructor(type: SharedType) {
    this.#type = type;
  }

  read(selector: Select, same: Same): unknown {
    const { count } = changes(this.#type);
    const last = this.#last;
    if (last !== null && count !== null && last.count === count && last.selector === selector) return last.value;
    const found = selector(this.#type);
    const value = last !== null && same(last.value, found) ? last.value : found;
    this.#last = { count, selector, value };
    return value;
  }
}

const asJson = (type: SharedType): unknown => (type as { toJSON(): unknown }).toJSON();
