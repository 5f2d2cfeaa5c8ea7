/**
 * When copies are compared with the relay's documents, and what follows from a difference. A page loads it later than the
 * rest of a client: it imports nothing of that, and has what it needs of it handed over (`ComparisonHost`).
 */
import type { RefusedError } from '../base/errors.ts';
import type { Random } from '../base/random.ts';
import type { RefusalCode } from '../protocol/close.ts';
import type { Limits } from '../protocol/limits.ts';
import type { ComparedMessage } from '../protocol/message.ts';
import type { ClientDocument } from './client-document.ts';
import type { ClientOutputs } from './client-outputs.ts';

/** A copy and the relay's document differed although both were quiet at the same place (C1). */
export interface Divergence {
  /** The copy here lacked something that the relay has. */
  readonly here: boolean;
  /** The relay lacked something that the copy here has. */
  readonly relay: boolean;
  /** How often the two were exchanged since they were last the same, this time included. */
  readonly attempt: number;
}

/** When the copies here are compared with the relay's, and what follows from a difference. */
export class Comparisons {
  readonly #options: ComparisonOptions;
  readonly #host: ComparisonHost;
  readonly #due = new Set<ClientDocument>();
  /** No comparison is due before (monotonic ms). */
  #deadlineMs = Infinity;

  constructor(options: ComparisonOptions, host: ComparisonHost) {
    this.#options = options;
    this.#host = host;
  }

  get deadline(): number {
    return this.#deadlineMs;
  }

  /** Something happened to a document that may have made it quiet: plans a comparison, unless one is. */
  consider(document: ClientDocument, now: number): void {
    const { comparison, outbox } = document;
    const quiet =
      document.state === 'live' &&
      document.cursor.length > 0 &&
      comparison.changed &&
      comparison.settled &&
      comparison.asked === 'no' &&
      outbox.size === 0 &&
      document.resyncN === 0;
    if (!quiet || comparison.atMs !== Infinity) return;
    const { urgency, askedAtMs } = comparison;
    comparison.atMs =
      urgency === 'now'
        ? Math.max(now, askedAtMs + 1.25 * this.#host.comparisonMsMin)
        : now + quietMs.min + this.#host.random() * quietMs.spread;
    this.#due.add(document);
    this.#deadlineMs = Math.min(this.#deadlineMs, comparison.atMs);
  }

  /** Asks about every document that has been quiet for long enough. */
  tick(now: number): void {
    if (now < this.#deadlineMs) return;
    this.#deadlineMs = Infinity;
    for (const document of this.#due) {
      const { comparison } = document;
      if (comparison.atMs > now) {
        if (comparison.atMs === Infinity) this.#due.delete(document);
        else this.#deadlineMs = Math.min(this.#deadlineMs, comparison.atMs);
        continue;
      }
      this.#due.delete(document);
      comparison.atMs = Infinity;
      comparison.asked = 'yes';
      comparison.askedAtMs = now;
      this.#host.ask(document, this.#options.digestCopy(document.name));
    }
  }

  /** The connection is gone. */
  forget(): void {
    this.#due.clear();
    this.#deadlineMs = Infinity;
  }

  /**
   * The relay's answer. Throws `RefusedError` TW_DIVERGED when no exchange makes the two the same, TW_UNEXPECTED_MESSAGE
   * when nothing was asked.
   */
  compared(document: ClientDocument, message: ComparedMessage): void {
    const { comparison } = document;
    const { asked } = comparison;
    if (asked === 'no' || !document.move('compared'))
      throw this.#host.refused('TW_UNEXPECTED_MESSAGE', 'the relay compared what nobody asked for');
    comparison.asked = 'no';
    const deletes = document.parts.conclude(message.deletes, this.#host.updateBytesMax);
    if (message.result === 'elsewhere') {
      if (comparison.urgency === 'now') comparison.urgency = 'next';
      return;
    }
    if (message.result === 'same') {
      if (asked === 'yes') comparison.same();
    } else {
      this.#differs(document, joined(deletes, message.stateVector), asked);
    }
    this.#host.outputs.tell({ kind: 'status', name: document.name });
  }

  #differs(document: ClientDocument, there: Uint8Array, asked: 'yes' | 'stale'): void {
    const { comparison, name } = document;
    const { lacks, lacksInsertions, surplus, isStated } = this.#options.compareCopy(name, there);
    // Edits made since the question look like something that the relay lost; they are on their way anyway.
    const relay = asked === 'yes' && isStated;
    const astray = lacksInsertions || lacks !== null;
    if (document.writable) {
      // Deletions that only follow from others are news to the relay, but nobody has to wait until it has them.
      const n = document.outbox.takeAll();
      if (relay || asked === 'stale') document.resyncN = n;
      this.#host.resync(document, n, surplus);
    }
    // Deletions that did not get here are made good as if they came now.
    if (lacks !== null) {
      document.deliveries.add(lacks);
      this.#host.outputs.tell({ kind: 'apply', name, update: lacks });
    }
    if (lacksInsertions) document.move('astray');
    comparison.relayLacks ||= relay;
    if (!relay && !astray) return;
    // Who may only read cannot mend the relay, and has nothing to ask before something changes.
    const hopeless = !document.writable && !astray;
    if (hopeless) comparison.changed = false;
    else comparison.attempts++;
    const divergence = { here: astray, relay, attempt: Math.max(1, comparison.attempts) };
    this.#host.outputs.tell({ kind: 'diverged', name, divergence });
    if (comparison.attempts > attemptsMax)
      throw this.#host.refused('TW_DIVERGED', `still different after ${attemptsMax} exchanges`);
  }
}

/** What is read of the copies here. */
export interface ComparisonOptions {
  /** Digest of a copy: SHA-256 of its snapshot in Yjs's V1 encoding. */
  readonly digestCopy: (name: string) => Uint8Array;
  /** What is between a copy and `there`, a snapshot in the same encoding. */
  readonly compareCopy: (name: string, there: Uint8Array) => CopyDifference;
}

/** The part of a client that comparisons work with. */
export interface ComparisonHost {
  readonly random: Random;
  readonly outputs: Pick<ClientOutputs, 'tell'>;
  readonly updateBytesMax: Limits['updateBytesMax'];
  /** Between two comparisons of one document. */
  readonly comparisonMsMin: number;
  /** Asks the relay whether its document has this digest. */
  ask(document: ClientDocument, digest: Uint8Array): void;
  /** Sends what the relay lacks. */
  resync(document: ClientDocument, n: number, update: Uint8Array): void;
  refused(code: RefusalCode, reason: string): RefusedError;
}

/** What is between a copy and the relay's document. */
export interface CopyDifference {
  /** The deletions that the copy lacks, as an update; null when there are none. */
  readonly lacks: Uint8Array | null;
  readonly lacksInsertions: boolean;
  /** What the relay lacks, as an update: of nothing where it lacks nothing, of deletions alone where that is all. */
  readonly surplus: Uint8Array;
  /**
   * Some of `surplus` had to be said by somebody. The end of a map's value that another came after, and of what was put into
   * something deleted, follows from the rest.
   */
  readonly isStated: boolean;
}

/** How long a document has to be quiet before it is compared; spread, as all who have it open fall quiet together. */
const quietMs = { min: 2000, spread: 6000 } as const;
/** Exchanges that may fail to make a copy the same before it is given up. */
const attemptsMax = 3;

function joined(one: Uint8Array, other: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(one.length + other.length);
  bytes.set(one);
  bytes.set(other, one.length);
  return bytes;
}
