import { type Cancel, type Clock, type EntryAuthor, decodeEntryAuthors, entryAuthorsMsMin } from '@tideweave/shared';
import type { SessionDriver } from '../relay/session-driver.ts';

/** What the relay is asked over. */
export type AuthorsDriver = {
  readonly session: Pick<SessionDriver['session'], 'who'>;
  schedule(): void;
};

/** Asks the relay who wrote what came of one document, one question at a time and no faster than it answers. */
export class AuthorsQuestion {
  readonly #driver: AuthorsDriver;
  readonly #name: string;
  readonly #clock: Pick<Clock, 'now' | 'after'>;
  #askableAtMs = -Infinity;
  #resolve: (entries: readonly EntryAuthor[]) => void = () => undefined;

  constructor(driver: AuthorsDriver, name: string, clock: Pick<Clock, 'now' | 'after'>) {
    this.#driver = driver;
    this.#name = name;
    this.#clock = clock;
  }

  /** The entries after a cursor that the relay's log still has, the newest first; none where it does not answer. */
  ask(cursor: Uint8Array): Promise<readonly EntryAuthor[]> {
    return new Promise((resolve) => {
      const waitMs = Math.max(0, this.#askableAtMs - this.#clock.now());
      let late: Cancel = this.#clock.after(waitMs, () => {
        this.#askableAtMs = this.#clock.now() + 1.25 * entryAuthorsMsMin;
        late = this.#clock.after(answerMs, () => resolve([]));
        this.#driver.session.who(this.#name, cursor);
        this.#driver.schedule();
      });
      this.#resolve = (entries) => {
        late();
        resolve(entries);
      };
    });
  }

  /** The relay's answer. */
  answered(entries: Uint8Array): void {
    this.#resolve(entriesIn(entries));
  }

  /** Nobody waits any more. */
  close(): void {
    this.#resolve([]);
  }
}

/** What is no answer tells nothing of anybody. */
function entriesIn(bytes: Uint8Array): readonly EntryAuthor[] {
  try {
    return decodeEntryAuthors(bytes);
  } catch {
    return [];
  }
}

/** How long an answer is waited for; without a connection none comes. */
const answerMs = 3000;
