import { RefusedError } from '../base/errors.ts';
import { splitUpdate } from '../protocol/codec.ts';
import { comparisonMsMin, digestBytes, partBytes } from '../protocol/limits.ts';
import type { OpenedMessage, ServerDocumentMessage, WatermarkMessage } from '../protocol/message.ts';
import type { ClientDocument } from './client-document.ts';
import type { ClientExchangeOptions } from './client-options.ts';
import type { ClientOutputs } from './client-outputs.ts';
import type { ComparisonHost, Comparisons } from './comparisons.ts';

/** What passes between a client and a relay about documents that are open: edits one way, everything else the other. */
export class ClientExchange {
  readonly #options: ClientExchangeOptions;
  readonly #outputs: ClientOutputs;
  /** Null until a document was opened: nothing is compared before. */
  #comparisons: Comparisons | null = null;
  /** Documents that may have something to push. */
  readonly #unpushed = new Set<ClientDocument>();

  constructor(options: ClientExchangeOptions, outputs: ClientOutputs) {
    this.#options = options;
    this.#outputs = outputs;
  }

  /** The relay has opened a document. Throws `RefusedError` when it is not what was asked for. */
  opened(document: ClientDocument, message: OpenedMessage): void {
    expect(document.move('opened'), message);
    document.opened(message);
    this.#comparisons ??= this.#options.comparisons(this.#host);
    const isFirst = document.epoch === '';
    this.#checkEpoch(document, message.epoch);
    // To be kept at once: what is saved from here on belongs to this history (C6).
    if (isFirst && document.epoch !== '') this.#tellResume(document);
    this.#unpushed.add(document);
    // Before any edit: what was made here may build on it.
    this.#confirmed(document, document.deliveries.reopen(document.writable));
    const { returning } = document.deliveries;
    if (returning !== null) this.#send(document, 'push', 0, returning);
  }

  /** Takes a message about an open document. Throws `RefusedError` when it breaks the protocol. */
  receive(document: ClientDocument, message: ServerDocumentMessage, now: number): void {
    this.#receive(document, message);
    this.#comparisons?.consider(document, now);
  }

  #receive(document: ClientDocument, message: ServerDocumentMessage): void {
    const { name } = document;
    switch (message.type) {
      case 'part':
        document.parts.add(message.bytes, this.#options.updateBytesMax);
        document.received(message.bytes.length);
        this.#outputs.tell({ kind: 'status', name });
        return;
      case 'update': {
        expect(document.move('update'), message);
        document.received(message.update.length);
        const update = document.parts.conclude(message.update, this.#options.updateBytesMax);
        document.deliveries.add(update);
        document.comparison.touched();
        document.comparison.settled = false;
        this.#outputs.tell({ kind: 'apply', name, update });
        return;
      }
      case 'caught-up':
        expect(document.move('caught-up'), message);
        document.caughtUp();
        this.#outputs.tell({ kind: 'synced', name }, { kind: 'status', name });
        return;
      case 'want':
        if (document.writable) this.#resync(document, message.stateVector);
        return;
      case 'ack':
        expect(message.n <= document.outbox.lastSentN, message);
        // What is handed back travels before the edits.
        this.#confirmed(document, document.deliveries.acknowledge());
        if (document.acknowledged(message.n)) this.#outputs.tell({ kind: 'saved', name, n: message.n });
        this.#outputs.tell({ kind: 'status', name });
        return;
      case 'watermark':
        this.#watermark(document, message);
        return;
      case 'compared':
        this.#comparisons?.compared(document, message);
        return;
      case 'authors':
        expect(document.move('authors'), message);
        this.#outputs.tell({ kind: 'authors', name, entries: message.entries });
        return;
      case 'awareness':
        this.#outputs.tell({ kind: 'awareness', name, update: message.update });
    }
  }

  /** When `tick` is due next (monotonic ms). */
  get deadline(): number {
    return this.#comparisons?.deadline ?? Infinity;
  }

  /** Compares what has been quiet for long enough. */
  tick(now: number): void {
    this.#comparisons?.tick(now);
  }

  /** Compares the document as soon as the relay can answer. */
  compareSoon(document: ClientDocument, now: number): void {
    document.comparison.urgency = 'now';
    document.comparison.atMs = Infinity;
    this.#comparisons?.consider(document, now);
  }

  /** The document has a new edit. */
  edited(document: ClientDocument): void {
    document.comparison.touched();
    this.#unpushed.add(document);
  }

  /** Sends what is unsent, as far as it fits what may be under way. */
  push(): void {
    const inFlightMax = this.#options.inFlightBytesMax ?? inFlightBytesMax;
    for (const document of this.#unpushed) this.#push(document, inFlightMax);
  }

  /** Sends all that is unsent, and leaves the document. */
  leave(document: ClientDocument): void {
    this.#push(document, Infinity);
    this.#unpushed.delete(document);
    document.comparison.begin();
    if (document.number !== 0) this.#outputs.send({ type: 'leave', doc: document.number });
  }

  /** The connection is gone. */
  forget(): void {
    this.#comparisons?.forget();
    this.#unpushed.clear();
  }

  #push(document: ClientDocument, inFlightMax: number): void {
    const { outbox } = document;
    while (document.writable && outbox.hasUnsent && outbox.bytesInFlight < inFlightMax) {
      const taken = outbox.take(pushBytesMax);
      if (taken === null) break;
      this.#send(document, 'push', taken.n, this.#options.merge(taken.updates));
    }
    if (document.writable && outbox.hasUnsent) return;
    this.#unpushed.delete(document);
    if (!document.caughtUpDue || document.number === 0) return;
    document.caughtUpDue = false;
    this.#outputs.send({ type: 'caught-up', doc: document.number });
  }

  get #host(): ComparisonHost {
    const { random, updateBytesMax } = this.#options;
    const outputs = this.#outputs;
    return {
      random,
      outputs,
      updateBytesMax,
      comparisonMsMin,
      ask: ({ number: doc, cursor }, digest) =>
        outputs.send({ type: 'compare', doc, cursor, digest: digest.slice(0, digestBytes) }),
      resync: (document, n, update) => this.#send(document, 'resync', n, update),
      refused: (code, reason) => new RefusedError(code, reason),
    };
  }

  #resync(document: ClientDocument, stateVector: Uint8Array): void {
    document.resyncN = document.outbox.takeAll();
    this.#send(document, 'resync', document.resyncN, this.#options.readDifference(document.name, stateVector));
    this.#outputs.tell({ kind: 'status', name: document.name });
  }

  #send(document: ClientDocument, type: 'push' | 'resync', n: number, update: Uint8Array): void {
    const doc = document.number;
    this.#outputs.send(...splitUpdate(doc, update, partBytes, (rest) => ({ type, doc, n, update: rest })));
  }

  #watermark(document: ClientDocument, message: WatermarkMessage): void {
    this.#checkEpoch(document, message.epoch);
    if (!document.watermark(message.cursor)) return;
    document.comparison.watermark(message.settled);
    this.#confirmed(document, document.deliveries.watermark(message.settled));
    this.#tellResume(document);
  }

  #tellResume({ name, epoch, cursor }: ClientDocument): void {
    this.#outputs.tell({ kind: 'watermark', name, epoch, cursor });
  }

  #confirmed({ name }: ClientDocument, count: number): void {
    if (count > 0) this.#outputs.tell({ kind: 'confirmed', name, count });
  }

  /** C6: throws when the relay speaks of another history than the one here. An empty epoch says nothing. */
  #checkEpoch(document: ClientDocument, epoch: string): void {
    document.epoch ||= epoch;
    if (epoch === '' || epoch === document.epoch) return;
    throw new RefusedError('TW_EPOCH_MISMATCH', 'the relay went on with another history of this document');
  }
}

/** Bytes that may be on their way without an acknowledgement; the rest waits, so that a slow link stays responsive. */
const inFlightBytesMax = 4 * 1024 * 1024;
/** Raw bytes that one push gathers at most. */
const pushBytesMax = 256 * 1024;

function expect(allowed: boolean, message: { readonly type: string }): void {
  if (!allowed) throw new RefusedError('TW_UNEXPECTED_MESSAGE', `the relay sent ${message.type} out of turn`);
}
