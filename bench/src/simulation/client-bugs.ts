/** Bugs that clients have had, to be planted one at a time. */
import type { SyncClient, Transport, TransportEvents } from '@tideweave/client/testing';
import {
  type ClientMessage,
  Outbox,
  type ServerMessage,
  decodeClientMessages,
  decodeServerMessages,
  encodeMessages,
} from '@tideweave/shared';
import { Planting } from './planting.ts';

/** What is between a client and its relay changes messages on their way. */
abstract class Meddling extends Planting {
  /** What arrives in place of a message. */
  protected arriving(message: ServerMessage): readonly ServerMessage[] {
    return [message];
  }

  /** What is sent in place of a message; `answer` is what the client then believes to hear. */
  protected leaving(message: ClientMessage, _answer: (message: ServerMessage) => void): readonly ClientMessage[] {
    return [message];
  }

  override transport(events: TransportEvents, dial: (events: TransportEvents) => Transport): Transport {
    const hear = (messages: readonly ServerMessage[]): void => {
      if (messages.length > 0) events.received(copyOf(encodeMessages(messages)));
    };
    const transport = dial({
      opened: events.opened,
      closed: events.closed,
      received: (frame) => hear(decodeServerMessages(frame, bytesMax).flatMap((message) => this.arriving(message))),
    });
    return {
      send: (frame) => {
        const answers: ServerMessage[] = [];
        const messages = decodeClientMessages(frame, bytesMax).flatMap((message) =>
          this.leaving(message, (answer) => answers.push(answer)),
        );
        if (messages.length > 0) transport.send(copyOf(encodeMessages(messages)));
        if (answers.length > 0) void Promise.resolve().then(() => hear(answers));
      },
      close: () => transport.close(),
    };
  }
}

/** The relay asks for what it lacks, and nobody answers. */
export class WantIgnored extends Meddling {
  protected override arriving(message: ServerMessage): readonly ServerMessage[] {
    return message.type === 'want' ? [] : [message];
  }
}

/** Histories of the same name are taken for the same. */
export class EpochIgnored extends Meddling {
  protected override arriving(message: ServerMessage): readonly ServerMessage[] {
    return [message.type === 'opened' || message.type === 'watermark' ? { ...message, epoch: '' } : message];
  }

  protected override leaving(message: ClientMessage): readonly ClientMessage[] {
    return [message.type === 'open' ? { ...message, epoch: '' } : message];
  }
}

/** What nobody has confirmed is not handed back. */
export class NotHandedBack extends Meddling {
  /** Beginnings of updates, by document: what they belong to is known at their end. */
  readonly #parts = new Map<number, ClientMessage[]>();

  protected override leaving(
    message: ClientMessage,
    answer: (message: ServerMessage) => void,
  ): readonly ClientMessage[] {
    if (message.type === 'part') {
      this.#parts.set(message.doc, [...(this.#parts.get(message.doc) ?? []), message]);
      return [];
    }
    if (message.type !== 'push' && message.type !== 'resync') return [message];
    const parts = this.#parts.get(message.doc) ?? [];
    this.#parts.delete(message.doc);
    if (message.type === 'resync' || message.n > 0) return [...parts, message];
    answer({ type: 'ack', doc: message.doc, n: 0 });
    return [];
  }
}

/** What comes from others is pushed again as if it had been made here. */
export class ClientEcho extends Planting {
  override applied(client: SyncClient, handle: ReturnType<SyncClient['open']>, update: Uint8Array): void {
    client.edit(handle, update);
  }
}

/** What was not acknowledged when the connection was lost is forgotten. */
export class OutboxDropped extends Planting {
  override install(): () => void {
    const { prototype } = Outbox;
    const rewind = Reflect.get(prototype, 'rewind') as Outbox['rewind'];
    prototype.rewind = function (this: Outbox) {
      rewind.call(this);
      this.acknowledge(Infinity);
    };
    return () => {
      prototype.rewind = rewind;
    };
  }
}

const bytesMax = 64 * 1024 * 1024;

function copyOf(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(bytes);
}
