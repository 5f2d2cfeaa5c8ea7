import { useCallback } from 'react';
import type { DocumentHandle } from '../document-handle.ts';
import { useSnapshot } from './use-snapshot.ts';

/** One who has the document open. */
export interface Peer<State> {
  /** Yjs's id of the client; one person may have several. */
  readonly clientId: number;
  readonly state: State;
}

export interface UsePresence<State> {
  readonly mine: State | null;
  /** By client id. */
  readonly others: readonly Peer<State>[];
  /** Changes fields of mine; the others are left as they are. */
  readonly set: (fields: Partial<State>) => void;
}

type PresenceState = Readonly<Record<string, unknown>>;

/** Who is there, rendered again when somebody comes, goes or changes. `State` is what the application puts there. */
export function usePresence<State extends PresenceState = PresenceState>(document: DocumentHandle): UsePresence<State> {
  const { awareness } = document;
  const subscribe = useCallback(
    (changed: () => void) => {
      awareness.on('change', changed);
      return () => awareness.off('change', changed);
    },
    [awareness],
  );
  const read = useCallback((): Omit<UsePresence<State>, 'set'> => {
    const others: Peer<State>[] = [];
    for (const [clientId, state] of awareness.getStates()) {
      if (clientId !== awareness.clientID) others.push({ clientId, state: state as State });
    }
    others.sort((a, b) => a.clientId - b.clientId);
    return { mine: awareness.getLocalState() as State | null, others };
  }, [awareness]);
  const set = useCallback(
    (fields: Partial<State>) => awareness.setLocalState({ ...awareness.getLocalState(), ...fields }),
    [awareness],
  );
  return { ...useSnapshot(subscribe, read), set };
}
