import {
  hocuspocusDocument,
  type HocuspocusClientBody,
  type HocuspocusScope,
} from '../protocol/dialects/hocuspocus.ts';
import { RefusedError } from '../base/errors.ts';
import { earlyMessagesMax } from '../protocol/limits.ts';
import { HocuspocusLedger, type HocuspocusPlace } from './hocuspocus-ledger.ts';
import type { HocuspocusChannel } from './hocuspocus-outputs.ts';

/** What a session keeps of one document on its connection. */
export interface Channel extends HocuspocusChannel {
  /**
   * `new`: no token yet. `authorizing`: never granted so far. `granted`: waits for its step 1 or for the document.
   * `refused`: waits for another token.
   */
  state: 'new' | 'authorizing' | 'granted' | 'joined' | 'refused';
  token: string;
  /** The provider's version; empty before its major 4. */
  version: string;
  /** The authorizer is asked at this moment … */
  isAsked: boolean;
  /** … and a newer token has come since. */
  isOutdated: boolean;
  /** When to ask for what could not be taken. */
  askAtMs: number;
  /** When to ask the authorizer again, which could not answer. */
  authorizeAtMs: number;
  readonly ledger: HocuspocusLedger;
  /** Its provider may have a queue, which it sends when it first hears from us; null until its step 1 has come. */
  mayHaveQueue: boolean | null;
  /** What its client is told with the first answer. */
  scope: HocuspocusScope;
  early: EarlyMessage[];
}

/** A message as it waits. */
export interface EarlyMessage {
  readonly body: HocuspocusClientBody;
  readonly bytes: number;
  readonly place: HocuspocusPlace;
}

export function newChannel(address: string, token: string): Channel {
  return {
    address,
    document: hocuspocusDocument(address),
    state: 'new',
    token,
    version: '',
    isAsked: false,
    isOutdated: false,
    askAtMs: Infinity,
    authorizeAtMs: Infinity,
    ledger: new HocuspocusLedger(),
    mayHaveQueue: null,
    scope: 'readonly',
    early: [],
  };
}

/** The message with bytes of its own: its frame may be a view into a larger buffer, which would be kept alive with it. */
function kept(message: EarlyMessage): EarlyMessage {
  const { body } = message;
  switch (body.type) {
    case 'step-1':
      return { ...message, body: { type: body.type, stateVector: body.stateVector.slice() } };
    case 'step-2':
    case 'update':
    case 'awareness':
      return { ...message, body: { type: body.type, update: body.update.slice() } };
    case 'stateless':
    case 'token':
    case 'query-awareness':
    case 'close':
      return message;
  }
}

/** Keeps what comes before its document is open, within one bound for all documents of a connection (A4). */
export class EarlyMessages {
  readonly #bytesMax: number;
  #bytes = 0;
  #count = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Throws `RefusedError` TW_TOO_LARGE when there is no room. */
  keep(channel: Channel, message: EarlyMessage): void {
    this.#bytes += message.bytes;
    this.#count++;
    if (this.#bytes > this.#bytesMax || this.#count > earlyMessagesMax) {
      throw new RefusedError('TW_TOO_LARGE', 'too much came before the document was open');
    }
    channel.early.push(kept(message));
  }

  /** What was kept of a channel, which has none any more. */
  take(channel: Channel): EarlyMessage[] {
    const { early } = channel;
    for (const { bytes } of early) this.#bytes -= bytes;
    this.#count -= early.length;
    channel.early = [];
    return early;
  }
}
