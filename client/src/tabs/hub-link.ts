import {
  RefusedError,
  type ServerMessage,
  defaultLimits,
  encodeFrames,
  encodeMessages,
  nothingCompared,
  ServerSession,
  type ServerOutput,
} from '@tideweave/shared';
import type { HubMerges } from './hub-merges.ts';
import type { HubRoom } from './hub-room.ts';
import type { LinkMessage } from './messages.ts';

export interface HubLinkOptions {
  readonly now: () => number;
  /** The room of a document; made where there is none. Throws `RefusedError` for a name that is none. */
  readonly room: (name: string) => HubRoom;
  readonly post: (message: LinkMessage) => void;
  /** Something is to be sent at the end of the turn. */
  readonly changed: () => void;
  /** The tab's user wants to be connected. */
  readonly connect: () => void;
  /** The tab is left, or has left. */
  readonly ended: (link: HubLink) => void;
}

/** The leader's half of a link to one tab. To the tab's session the leader is the relay. */
export class HubLink {
  readonly session: ServerSession;
  readonly #options: HubLinkOptions;
  readonly #rooms = new Map<number, HubRoom>();
  #messages: ServerMessage[] = [];
  /** Bytes posted since the tab was heard last: there is no other way to know that it does not read. */
  #unheardBytes = 0;
  #isAsked = false;
  #isEnded = false;

  constructor(options: HubLinkOptions) {
    this.#options = options;
    this.session = new ServerSession(defaultLimits, options.now());
    options.post({ type: 'welcome' });
  }

  receive(message: LinkMessage): void {
    if (this.#isEnded) return;
    this.#unheardBytes = 0;
    this.#isAsked = false;
    if (message.type === 'bye') this.end();
    else if (message.type === 'connect') this.#options.connect();
    else if (message.type === 'dismiss') this.#merges(message.name)?.dismiss(message.ids);
    else if (message.type === 'adopt') this.#merges(message.name)?.adopt(this, message.merges);
    else if (message.type === 'settle') void this.#settle(message.name);
    else if (message.type === 'frame') {
      this.session.receive(message.frame, this.#options.now());
      this.drain();
    }
  }

  /** Gives up on a tab that is silent for too long. */
  tick(): void {
    this.session.tick(this.#options.now());
    this.drain();
  }

  /** Sends at the end of the turn. */
  send(...messages: readonly ServerMessage[]): void {
    for (const message of messages) this.#messages.push(message);
    this.#options.changed();
  }

  /** What is to be sent, now. */
  flush(): void {
    this.drain();
    const messages = this.#messages;
    this.#messages = [];
    for (const frame of encodeFrames(messages)) {
      this.#unheardBytes += frame.length;
      this.#options.post({ type: 'frame', frame });
    }
    if (this.#unheardBytes < askBytes || this.#isEnded) return;
    if (this.#unheardBytes > unheardBytesMax) this.end();
    else if (!this.#isAsked) {
      this.#isAsked = true;
      this.#options.post({ type: 'frame', frame: encodeMessages([{ type: 'ping' }]) });
    }
  }

  /** Behind what is to be sent. */
  post(message: LinkMessage): void {
    if (this.#messages.length > 0) this.flush();
    if (!this.#isEnded) this.#options.post(message);
  }

  /** Does what the session asks for, in order; the answer to a question goes out before the next is asked. */
  drain(): void {
    for (let outputs = this.session.drain(); outputs.length > 0; outputs = this.session.drain())
      for (const output of outputs) if (!this.#isEnded) this.#perform(output);
  }

  /** The tab is gone, or to be left. */
  end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#options.post({ type: 'bye' });
    for (const room of this.#rooms.values()) room.leave(this);
    this.#rooms.clear();
    this.#options.ended(this);
  }

  #perform(output: ServerOutput): void {
    switch (output.kind) {
      case 'send':
        this.send(output.message);
        return;
      case 'open':
        try {
          const room = this.#options.room(output.message.name);
          this.#rooms.set(room.number, room);
          room.open(this, output.message);
        } catch (error) {
          this.session.refusedOpen(output.message.request, refused(error));
        }
        return;
      case 'store':
        this.#guard(output.doc, (room) => room.store(this, output));
        return;
      case 'awareness':
        this.#guard(output.doc, (room) => room.announce(this, output.update));
        return;
      case 'caught-up':
        this.#rooms.get(output.doc)?.backlogReceived(this);
        return;
      case 'compare':
        // The leader's own copy is compared with the relay's, and what tabs have came from there.
        this.session.compared(output.doc, 'elsewhere', nothingCompared, true);
        return;
      case 'who':
        // The leader asks the relay where it makes a report.
        this.session.authors(output.doc, new Uint8Array(0));
        return;
      case 'token':
        // Tabs have none: the leader has.
        return;
      case 'leave':
        this.#leave(output.doc);
        return;
      case 'close':
        this.flush();
        this.end();
    }
  }

  /** Answers in every case: somebody waits. */
  async #settle(name: string): Promise<void> {
    await this.#merges(name)?.settled();
    this.post({ type: 'settled', name });
  }

  #merges(name: string): HubMerges | null {
    return Array.from(this.#rooms.values()).find((room) => room.name === name)?.merges ?? null;
  }

  /** What is wrong with one document ends it for this tab; the others go on. */
  #guard(doc: number, run: (room: HubRoom) => void): void {
    const room = this.#rooms.get(doc);
    if (room === undefined) return;
    try {
      run(room);
    } catch (error) {
      this.#leave(doc);
      this.session.refuseDocument(doc, refused(error));
    }
  }

  #leave(doc: number): void {
    const room = this.#rooms.get(doc);
    this.#rooms.delete(doc);
    room?.leave(this);
  }
}

/** A tab that is sent this much without a sign of life is asked for one, and left when it gives none for long. */
const askBytes = 1024 * 1024;
const unheardBytesMax = 2 * defaultLimits.updateBytesMax;

function refused(error: unknown): RefusedError {
  return error instanceof RefusedError ? error : new RefusedError('TW_QUARANTINED', String(error));
}
