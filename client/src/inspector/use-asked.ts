import { useEffect, useState } from 'react';
import type { Cancel } from '@tideweave/shared';
import { systemClock } from '../clock.ts';
import { RelayApiError } from './relay-api.ts';

export interface Asked<Answer> {
  /** The newest answer; null before the first. */
  readonly answer: Answer | null;
  /** Why the last attempt failed; null when it did not. */
  readonly error: RelayApiError | null;
}

const nothing = { answer: null, error: null } as const;

/**
 * Asks at once, and again every so many ms after each answer (null: once), while the page is in sight. `ask` is to be the same
 * function as long as the question is the same.
 */
export function useAsked<Answer>(
  ask: (signal: AbortSignal, last: Answer | null) => Promise<Answer>,
  everyMs: number | null,
): Asked<Answer> {
  const [asked, setAsked] = useState<Asked<Answer>>(nothing);
  useEffect(() => {
    const ending = new AbortController();
    const { signal } = ending;
    let last: Answer | null = null;
    let cancel: Cancel = () => undefined;
    /** It is time, and nobody sees what would come. */
    let isDue = false;
    const run = async (): Promise<void> => {
      isDue = false;
      try {
        last = await ask(signal, last);
        if (!signal.aborted) setAsked({ answer: last, error: null });
      } catch (error) {
        const known = error instanceof RelayApiError ? error : new RelayApiError(0, '', String(error));
        if (!signal.aborted) setAsked({ answer: last, error: known });
      }
      if (everyMs !== null && !signal.aborted) cancel = systemClock.after(everyMs, due);
    };
    const due = (): void => {
      isDue = true;
      if (document.visibilityState === 'visible') void run();
    };
    const seen = (): void => {
      if (isDue) due();
    };
    document.addEventListener('visibilitychange', seen);
    setAsked(nothing);
    void run();
    return () => {
      ending.abort();
      cancel();
      document.removeEventListener('visibilitychange', seen);
    };
  }, [ask, everyMs]);
  return asked;
}
