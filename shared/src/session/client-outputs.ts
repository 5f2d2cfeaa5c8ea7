import { encodeClientFrames } from '../protocol/codec.ts';
import type { ClientMessage } from '../protocol/message.ts';
import type { RefusalStatus } from './client-document.ts';
import type { Divergence } from './comparisons.ts';

/** What a session asks of its driver, or tells it. */
export type ClientOutput =
  | { readonly kind: 'connect' }
  | { readonly kind: 'disconnect' }
  /** Ask the application for a new token: say `renewed`. */
  | { readonly kind: 'token' }
  | { readonly kind: 'send'; readonly frame: Uint8Array }
  /** Apply to the document; say `applyFailed` when that throws. */
  | { readonly kind: 'apply'; readonly name: string; readonly update: Uint8Array }
  | { readonly kind: 'awareness'; readonly name: string; readonly update: Uint8Array }
  /** Open on this connection: announce the local awareness state now. */
  | { readonly kind: 'opened'; readonly name: string }
  | { readonly kind: 'synced'; readonly name: string }
  /** Every edit up to `n` is durable. */
  | { readonly kind: 'saved'; readonly name: string; readonly n: number }
  /** The oldest `count` of the applied updates that were not confirmed before are durable. */
  | { readonly kind: 'confirmed'; readonly name: string; readonly count: number }
  /** Where to resume: to be kept beside the document by whoever keeps it. */
  | { readonly kind: 'watermark'; readonly name: string; readonly epoch: string; readonly cursor: Uint8Array }
  /** The two were different where they should have been the same, and are being exchanged (C1). */
  | { readonly kind: 'diverged'; readonly name: string; readonly divergence: Divergence }
  /** The answer to `who`: see `decodeEntryAuthors`. */
  | { readonly kind: 'authors'; readonly name: string; readonly entries: Uint8Array }
  | { readonly kind: 'refused'; readonly name: string; readonly error: RefusalStatus }
  /** `status(name)` has changed. */
  | { readonly kind: 'status'; readonly name: string }
  /** `connection` or `error` has changed. */
  | { readonly kind: 'connection' };

/** What a client's session has to say, to the relay and to its driver, until the driver drains it. */
export class ClientOutputs {
  #messages: ClientMessage[] = [];
  #outputs: ClientOutput[] = [];

  /** To the relay. */
  send(...messages: readonly ClientMessage[]): void {
    for (const message of messages) this.#messages.push(message);
  }

  /** To the driver. */
  tell(...outputs: readonly ClientOutput[]): void {
    for (const output of outputs) this.#outputs.push(output);
  }

  /** The connection that the messages were for is gone. */
  discardMessages(): void {
    this.#messages = [];
  }

  /** Everything, in order; messages gathered into frames behind the rest. */
  drain(): readonly ClientOutput[] {
    for (const frame of encodeClientFrames(this.#messages)) this.#outputs.push({ kind: 'send', frame });
    this.#messages = [];
    const outputs = this.#outputs;
    this.#outputs = [];
    return outputs;
  }
}
