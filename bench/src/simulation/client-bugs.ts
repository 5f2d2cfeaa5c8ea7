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

/** What is remembered of one connection. */
interface Connection {
  /** Beginnings of an update; one travels at a time. */
  readonly parts: ClientMessage[];
  /** What the client is to believe it heard. */
  readonly answers: ServerMessage[];
}

/** What is between a client and its relay changes messages on their way. */
abstract class Meddling extends Planting {
  /** What arrives in place of a message. */
  protected arriving(message: ServerMessage): readonly ServerMessage[] {
    return [message];
  }

  /** What is sent in place of a message. */
  protected leaving(message: ClientMessage, _connection: Connection): readonly ClientMessage[] {
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
    const connection: Connection = { parts: [], answers: [] };
    return {
      send: (frame) => {
        const messages = decodeClientMessages(frame, bytesMax).flatMap((each) => this.leaving(each, connection));
        if (messages.length > 0) transport.send(copyOf(encodeMessages(messages)));
        const answers = connection.answers.splice(0);
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
  protected override leaving(message: ClientMessage, connection: Connection): readonly ClientMessage[] {
    // What a part belongs to is known at the end of its update.
    if (message.type === 'part') {
      connection.parts.push(message);
      return [];
    }
    if (message.type !== 'push' && message.type !== 'resync') return [message];
    const parts = connection.parts.splice(0);
    if (message.type === 'resync' || message.n > 0) return [...parts, message];
    connection.answers.push({ type: 'ack', doc: message.doc, n: 0 });
    return [];
  }
}

/** What comes from others is pushed again as if it had been made here. */
export class ClientEcho extends Planting {
  override applied(handle: ReturnType<SyncClient['open']>, update: Uint8Array): void {
    handle.link.edit(update);
  }
}

/** What was not acknowledged when the connection was lost is forgotten. */
export class OutboxDropped extends Planting {
  override install(): () => void {
    const { prototype } = Outbox;
    const rewind = Reflect.get(prototype, 'rewind');
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
