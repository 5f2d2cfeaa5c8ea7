import type { Lock } from './offline-store.ts';

/** A lock among the users of one `localLock()`: enough where only one process can have the data open. */
export function localLock(): Lock {
  const tails = new Map<string, Promise<void>>();
  return (name, run) => {
    const turn = (tails.get(name) ?? Promise.resolve()).then(run);
    const tail = turn
      .catch(() => undefined)
      .then(() => {
        if (tails.get(name) === tail) tails.delete(name);
      });
    tails.set(name, tail);
    return turn;
  };
}
