import * as Y from 'yjs';
import { decodeClientMessages, encodeMessages } from '../../src/protocol/codec.ts';
import type { ClientMessage, RefuseMessage, ServerMessage } from '../../src/protocol/message.ts';
import { ClientSession } from '../../src/session/client-session.ts';
import { Comparisons } from '../../src/session/comparisons.ts';
import { mergeUpdates } from '../../src/update/merge.ts';
import { differenceOf, digestOf } from './yjs-state.ts';
import { describeMessage } from './describe.ts';

const updateBytesMax = 1000;
export const none = new Uint8Array(0);

/** A session, and the test as its driver and its relay. */
export class Bench {
  readonly session: ClientSession;
  readonly docs = new Map<string, Y.Doc>();
  now = 0;
  told: string[] = [];
  random = 0.5;
  /** Whether deletions that the relay does not know had to be said by somebody. */
  stated = true;

  constructor() {
    this.session = new ClientSession({
      random: () => this.random,
      device: '',
      updateBytesMax,
      readStateVector: (name) => Y.encodeStateVector(this.doc(name)),
      merge: mergeUpdates,
      comparisons: (host) =>
        new Comparisons(
          {
            digestCopy: (name) => digestOf(this.doc(name)),
            compareCopy: (name, there) => differenceOf(this.doc(name), there, this.stated),
          },
          host,
        ),
      readDifference: (name, stateVector) => Y.encodeStateAsUpdate(this.doc(name), stateVector),
    });
  }

  doc(name: string): Y.Doc {
    let doc = this.docs.get(name);
    if (doc === undefined) {
      doc = new Y.Doc();
      doc.clientID = 1;
      this.docs.set(name, doc);
    }
    return doc;
  }

  /** Connected, with these documents open, live, and numbered from 1. */
  live(...names: string[]): this {
    this.connect();
    for (const [at, name] of names.entries()) {
      this.session.open(name);
      this.sent();
      this.say(opened(at + 1, at + 1), { type: 'caught-up', doc: at + 1 });
    }
    this.sent();
    return this;
  }

  connect(): void {
    this.session.start(this.now);
    this.session.wake(this.now);
    this.session.connected(this.now, 'token');
  }

  say(...messages: ServerMessage[]): void {
    this.session.receive(encodeMessages(messages), this.now);
  }

  type(name: string, text: string): void {
    const doc = this.doc(name);
    const before = Y.encodeStateVector(doc);
    doc.getText('t').insert(doc.getText('t').length, text);
    this.session.edit(name, Y.encodeStateAsUpdate(doc, before), this.now);
  }

  /** Messages sent since last asked, in words; the rest goes to `told`. */
  sent(): string[] {
    return this.messages().map(describeMessage);
  }

  messages(): ClientMessage[] {
    const messages: ClientMessage[] = [];
    this.told = [];
    for (const output of this.session.drain()) {
      if (output.kind === 'send') messages.push(...decodeClientMessages(output.frame, updateBytesMax));
      else if (output.kind !== 'status') this.told.push(output.kind);
    }
    return messages;
  }
}

export function opened(request: number, doc: number, epoch = ''): ServerMessage {
  return { type: 'opened', request, doc, epoch, access: 'write', user: '', totalBytes: 0 };
}

export function refuse(fields: Partial<RefuseMessage>): ServerMessage {
  return {
    type: 'refuse',
    scope: 'document',
    id: 1,
    code: 'TW_OVERLOADED',
    reason: '',
    action: 'retry',
    retryAfterMs: 0,
    ...fields,
  };
}

/** An update that appends one letter of `client`, as Yjs encodes it. */
export const letter = (client: number, clock = 0): Uint8Array =>
  clock === 0
    ? Uint8Array.of(1, 1, client, 0, 4, 1, 1, 0x74, 1, 0x61, 0)
    : Uint8Array.of(1, 1, client, clock, 0x84, client, clock - 1, 1, 0x61, 0);
