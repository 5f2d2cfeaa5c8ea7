import {
  type Cancel,
  type ClientOutput,
  ClientSession,
  type ClientSessionOptions,
  type Clock,
  type CopyDifference,
  assert,
  defaultLimits,
} from '@tideweave/shared';
import type * as Y from 'yjs';
import type { CopyReaders } from '../copy-state.ts';
import type { ClientEnvironment } from '../environment.ts';
import { mergeUpdates } from '../merge-updates.ts';
import { type Token, askToken } from '../token.ts';
import type { Transport } from '../transport/websocket-transport.ts';

/** What the session tells of one document. */
export type DocumentOutput = Exclude<
  Extract<ClientOutput, { readonly name: string }>,
  // Told once per drain, behind everything else.
  { readonly kind: 'status' }
>;

/** Who hears of it. */
export interface SessionListener {
  document(output: DocumentOutput): void;
  /** The status of these documents changed, or that of the connection did. */
  changed(names: ReadonlySet<string>): void;
}

export interface SessionDriverOptions extends Pick<
  ClientSessionOptions,
  'readStateVector' | 'readDifference' | 'inFlightBytesMax'
> {
  /** What `reader` reads of a document's copy here. */
  readonly readCopy: <Result>(name: string, reader: (doc: Y.Doc) => Result) => Result;
  readonly environment: ClientEnvironment;
  readonly token: Token | undefined;
  readonly device: string;
  readonly listener: SessionListener;
}

/** Gives a client's session what it has not: a socket, timers and the token; feeds it and drains it. */
export class SessionDriver {
  readonly session: ClientSession;
  readonly clock: Clock;
  readonly #options: SessionDriverOptions;
  #transport: Transport | null = null;
  /** Null until there was a reason to connect; only a relay asks for what they read. */
  #copyReaders: CopyReaders | null = null;
  /** Counts attempts, so that an answer to an earlier one is not taken for this one's. */
  #attempt = 0;
  #drainScheduled = false;
  #timer: Cancel | null = null;
  #timerDueMs = Infinity;
  readonly #unwatchNetwork: () => void;
  #closed = false;

  /** Throws `RefusedError` TW_TOO_LARGE when `device` is too long. */
  constructor(options: SessionDriverOptions) {
    this.#options = options;
    const { environment, device, readStateVector, readDifference, readCopy, inFlightBytesMax } = options;
    this.clock = environment.clock;
    this.session = new ClientSession({
      random: environment.random,
      device,
      updateBytesMax: defaultLimits.updateBytesMax,
      readStateVector,
      readDifference,
      merge: mergeUpdates,
      comparisons: (host) => {
        const { Comparisons, digestOf, differenceOf } = this.#readers;
        const compareCopy = (name: string, there: Uint8Array): CopyDifference =>
          readCopy(name, (doc) => differenceOf(doc, there));
        return new Comparisons({ digestCopy: (name) => readCopy(name, digestOf), compareCopy }, host);
      },
      inFlightBytesMax,
    });
    this.#unwatchNetwork = environment.watchNetwork(() => {
      this.session.wake(this.clock.now());
      this.drain();
    });
  }

  start(): void {
    this.session.start(this.clock.now());
    this.drain();
  }

  stop(): void {
    this.session.stop();
    this.drain();
  }

  /** Sends what is to be sent and stops for good. */
  destroy(): void {
    this.drain();
    this.stop();
    this.#closed = true;
    this.#timer?.();
    this.#unwatchNetwork();
  }

  /** Drains at the end of the turn: everything done in it leaves in one frame. */
  schedule(): void {
    if (this.#drainScheduled) return;
    this.#drainScheduled = true;
    this.clock.soon(() => {
      this.#drainScheduled = false;
      this.drain();
    });
  }

  /** The device has more of a document, or less. */
  statusChanged(name: string): void {
    this.#options.listener.changed(new Set([name]));
  }

  /** Does what the session has to have done. */
  drain(): void {
    let outputs = this.session.drain();
    const changed = new Set<string>();
    let connectionChanged = false;
    while (outputs.length > 0) {
      for (const output of outputs) {
        if (output.kind === 'connection') connectionChanged = true;
        else if (output.kind === 'status') changed.add(output.name);
        else this.#perform(output);
      }
      outputs = this.session.drain();
    }
    this.#setTimer();
    if (connectionChanged || changed.size > 0) this.#options.listener.changed(changed);
  }

  #perform(output: Exclude<ClientOutput, { kind: 'connection' | 'status' }>): void {
    switch (output.kind) {
      case 'connect':
        void this.#connect();
        return;
      case 'disconnect':
        this.#attempt++;
        this.#transport?.close();
        this.#transport = null;
        return;
      case 'token':
        void this.#renew();
        return;
      case 'send':
        this.#transport?.send(output.frame as Uint8Array<ArrayBuffer>);
        return;
      default:
        this.#options.listener.document(output);
    }
  }

  get #readers(): CopyReaders {
    assert(this.#copyReaders !== null, 'copies are compared over a connection');
    return this.#copyReaders;
  }

  async #connect(): Promise<void> {
    this.#attempt++;
    const isCurrent = this.#isCurrent();
    try {
      const { environment } = this.#options;
      const asked = this.#token(isCurrent);
      const [token, readers] = await Promise.all([asked, this.#copyReaders ?? environment.copyReaders()]);
      this.#copyReaders = readers;
      if (token === null || !isCurrent()) return;
      const transport = await environment.connect({
        opened: () => this.#feed(isCurrent, (now) => this.session.connected(now, token)),
        received: (frame) => this.#feed(isCurrent, (now) => this.session.receive(frame, now)),
        closed: () => this.#feed(isCurrent, (now) => this.session.disconnected(now)),
      });
      if (isCurrent()) this.#transport = transport;
      else transport.close();
    } catch {
      // No way to try is a failed attempt; the session decides when to make the next.
      this.#feed(isCurrent, (now) => this.session.disconnected(now));
    }
  }

  async #renew(): Promise<void> {
    const isCurrent = this.#isCurrent();
    const token = await this.#token(isCurrent);
    if (token !== null) this.#feed(isCurrent, (now) => this.session.renewed(token, now));
  }

  /** The application's token; null when it failed to give one, which the session is told. */
  async #token(isCurrent: () => boolean): Promise<string | null> {
    try {
      return await askToken(this.#options.token);
    } catch (error) {
      this.#feed(isCurrent, (now) => this.session.tokenless(String(error), now));
      return null;
    }
  }

  /** Whether the attempt of this moment is still the present one. */
  #isCurrent(): () => boolean {
    const attempt = this.#attempt;
    return () => attempt === this.#attempt;
  }

  #feed(isCurrent: () => boolean, feed: (now: number) => void): void {
    if (!isCurrent()) return;
    feed(this.clock.now());
    this.drain();
  }

  #setTimer(): void {
    const due = this.#closed ? Infinity : this.session.deadline;
    // One that is set for earlier finds nothing due and is set again: cheaper than a new timer for every frame.
    if (this.#timer !== null && this.#timerDueMs <= due) return;
    this.#timer?.();
    this.#timer = null;
    if (due === Infinity) return;
    this.#timerDueMs = due;
    this.#timer = this.clock.after(Math.max(0, due - this.clock.now()), () => {
      this.#timer = null;
      this.session.tick(this.clock.now());
      this.drain();
    });
  }
}
