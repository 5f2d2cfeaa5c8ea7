import {
  type Cursor,
  type OpenMessage,
  type RefusalCode,
  RefusedError,
  type ServerMessage,
  type ServerOutput,
  ServerSession,
  decodeCursor,
  decodeStateVector,
  encodeMessages,
  nothingCompared,
  authorizedAtOnceMax,
  comparisonMsMin,
  entryAuthorsMsMin,
} from '@tideweave/shared';
import type { Grant } from '../auth/authorizer.ts';
import { authorsOf } from '../room/entry-authors.ts';
import type { Room } from '../room/room.ts';
import {
  type Driver,
  type DriverContext,
  asRefused,
  authorized,
  endOfGrant,
  grantEnded,
  missingDependencies,
  noteRefusal,
} from './driver.ts';
import { NativeMember, type NativeMemberOwner } from './native-member.ts';
import { PacedWriter } from './paced-writer.ts';
import { Reauthorization, eachOf } from './reauthorization.ts';
import { binaryFrame } from './websocket-frame.ts';

/** Drives a native session: carries its outputs to rooms and the socket, and brings it their answers. */
export class TideweaveDriver implements Driver, NativeMemberOwner {
  readonly #context: DriverContext;
  readonly #out: PacedWriter;
  readonly #session: ServerSession;
  readonly #members = new Map<number, NativeMember>();
  /** Most connections never bring a new token. */
  #reauthorization: Reauthorization | null = null;
  #draining = false;
  #closed = false;

  constructor(context: DriverContext) {
    this.#context = context;
    this.#out = new PacedWriter(context.connection);
    this.#session = new ServerSession(context.limits, context.clock.now());
  }

  receive(frame: Uint8Array): void {
    this.#session.receive(frame, this.#context.clock.now());
    this.#drain();
  }

  heard(): void {
    this.#session.heard(this.#context.clock.now());
  }

  drained(): void {
    this.#out.drained();
    if (this.#out.congested) return;
    for (const member of this.#members.values()) void member.room.resume(member);
  }

  tick(): void {
    const now = this.#context.clock.now();
    for (const member of this.#members.values()) if (now >= member.grantEndsAtMs) this.ended(member, grantEnded());
    this.#reauthorization?.tick();
    this.#session.tick(now);
    this.#drain();
  }

  refuse(error: RefusedError): void {
    this.#session.close(error);
    this.#drain();
  }

  closed(): void {
    this.#closed = true;
    for (const member of this.#members.values()) member.room.leave(member);
    this.#members.clear();
  }

  /** Everything under tickets up to `ticket` is durable in the member's room. */
  committed(member: NativeMember, ticket: number): void {
    this.#session.committed(member.room.number, ticket);
    this.#drain();
  }

  /** One document ends; the connection goes on. */
  ended(member: NativeMember, error: Error): void {
    const { room } = member;
    if (this.#members.get(room.number) !== member) return;
    this.#members.delete(room.number);
    room.leave(member);
    this.#session.refuseDocument(room.number, asRefused(error, this.#context.logger, 'the document failed'));
    this.#drain();
  }

  /** Does what the session asks for, in order; what that leads to joins the queue of the call under way. */
  #drain(): void {
    if (this.#draining) return;
    this.#draining = true;
    const messages: ServerMessage[] = [];
    try {
      for (let outputs = this.#session.drain(); outputs.length > 0; outputs = this.#session.drain()) {
        for (const output of outputs) {
          if (output.kind === 'send') this.#gather(output.message, messages);
          else this.#perform(output, messages);
        }
      }
    } finally {
      this.#draining = false;
      this.#write(messages);
    }
  }

  #gather(message: ServerMessage, messages: ServerMessage[]): void {
    if (message.type === 'refuse') {
      noteRefusal(this.#context, { code: message.code as RefusalCode, message: message.reason });
    }
    messages.push(message);
  }

  #perform(output: Exclude<ServerOutput, { kind: 'send' }>, messages: ServerMessage[]): void {
    switch (output.kind) {
      case 'open':
        void this.#open(output.message);
        return;
      case 'token':
        this.#reauthorization ??= new Reauthorization(this.#context.clock, (token) => this.#reauthorize(token));
        this.#reauthorization.take(output.token);
        return;
      case 'store':
        this.#store(output);
        return;
      case 'awareness':
        this.#guard(output.doc, (member) => member.room.awareness(output.update, member));
        return;
      case 'caught-up':
        this.#compare(output.doc);
        return;
      case 'compare':
        this.#guard(output.doc, (member) => this.#compareCopy(member, output));
        return;
      case 'who':
        this.#guard(output.doc, (member) => void this.#tellAuthors(member, decodeCursor(output.cursor)));
        return;
      case 'leave':
        this.#leave(output.doc);
        return;
      case 'close':
        this.#write(messages.splice(0));
        this.#out.close(output.closeCode, `${output.error.code}: ${output.error.message}`);
    }
  }

  async #open(message: OpenMessage): Promise<void> {
    try {
      await this.#tryOpen(message);
    } catch (error) {
      this.#session.refusedOpen(message.request, asRefused(error, this.#context.logger, 'opening a document failed'));
    }
    this.#drain();
  }

  async #tryOpen(message: OpenMessage): Promise<void> {
    const cursor = decodeCursor(message.cursor);
    const stateVector = decodeStateVector(message.stateVector);
    const { grant, endsAtMs } = await this.#authorized(message.name, message.token);
    const room = await this.#context.rooms.get(message.name);
    checkEpoch(room, message.epoch);
    const place = cursor === null ? 'unknown' : await room.locate(cursor);
    const logWentBack = place === 'elsewhere';
    const seq = place === 'here' ? (cursor?.seq ?? null) : null;
    await room.bringUpToDate({ seq, stateVector }, (updates) => {
      if (this.#closed) return;
      const member = new NativeMember(this, this.#out, room, grant, message.device, stateVector, logWentBack);
      member.grantEndsAtMs = endsAtMs;
      const opened = {
        request: message.request,
        doc: room.number,
        epoch: room.head?.epoch ?? '',
        access: grant.access,
        user: grant.user,
        totalBytes: updates.reduce((bytes, update) => bytes + update.length, 0),
      };
      if (!this.#session.granted(opened)) return;
      this.#members.set(room.number, member);
      if (endsAtMs !== Infinity) this.#tellGrant(member);
      this.#drain();
      member.catchUp(updates);
      this.#write([{ type: 'caught-up', doc: room.number }]);
      room.join(member, stateVector);
    });
  }

  async #authorized(document: string, token: string): Promise<{ grant: Grant; endsAtMs: number }> {
    const { clock, peer } = this.#context;
    const grant = await authorized(this.#context, { document, via: 'tideweave', access: 'write', token, ...peer });
    return { grant, endsAtMs: endOfGrant(grant, clock) };
  }

  /** A1: a new token; it decides anew about every document that is open. */
  async #reauthorize(token: string): Promise<void> {
    await eachOf([...this.#members.values()], authorizedAtOnceMax, async (member) => {
      try {
        const { grant, endsAtMs } = await this.#authorized(member.room.name, token);
        member.renew(grant, endsAtMs);
      } catch (error) {
        const refused = asRefused(error, this.#context.logger, 'authorizing a document anew failed');
        // An authorizer that fails for a while takes nothing back: the grant lasts as long as was said.
        if (refused.action !== 'retry' || refused.code === 'TW_ACCESS_CHANGED') this.ended(member, refused);
      }
      this.#tellGrant(member);
      this.#drain();
    });
  }

  #tellGrant(member: NativeMember): void {
    const { room, grantEndsAtMs } = member;
    if (this.#members.get(room.number) !== member) return;
    const leftMs = Math.ceil(grantEndsAtMs - this.#context.clock.now());
    this.#session.grant(room.number, leftMs < Number.MAX_SAFE_INTEGER ? Math.max(1, leftMs) : 0);
  }

  #store({ doc, n, update, resync }: Extract<ServerOutput, { kind: 'store' }>): void {
    const member = this.#members.get(doc);
    if (member === undefined) return;
    if (member.access !== 'write') {
      this.ended(member, new RefusedError('TW_READ_ONLY', 'the grant allows reading only'));
      return;
    }
    this.#guard(doc, () => {
      const verdict = member.room.accept(update, member);
      if (verdict.kind === 'missing') {
        if (resync) throw missingDependencies();
        this.#session.missing(doc, n, member.room.state.stateVectorBytes);
        return;
      }
      this.#session.stored(doc, n, verdict.ticket);
      if (verdict.ticket <= member.room.committedTicket) this.#session.committed(doc, verdict.ticket);
    });
  }

  /** The client has pushed its backlog: whatever it still has and the relay lacks is asked for. */
  #compare(doc: number): void {
    const member = this.#members.get(doc);
    if (member === undefined || member.access !== 'write') return;
    if (member.room.state.covers(member.stateVector) && !member.logWentBack) return;
    this.#session.missing(doc, null, member.room.state.stateVectorBytes);
  }

  /** C1: the client is quiet and asks whether its copy is the document. */
  #compareCopy(member: NativeMember, { cursor, digest }: Extract<ServerOutput, { kind: 'compare' }>): void {
    const { room } = member;
    const at = decodeCursor(cursor);
    const now = this.#context.clock.now();
    // A question costs the size of the document's state; no client of ours asks so often.
    const result = at === null || now < member.comparableAtMs ? 'elsewhere' : room.compare(member, at, digest);
    member.comparableAtMs = now + comparisonMsMin;
    if (result === 'differs') {
      const { name: document } = room;
      this.#context.meter.divergences += 1;
      this.#context.logger.info({ document, user: member.user, device: member.device }, 'a copy differs: exchanging');
    }
    const state =
      result === 'differs'
        ? { stateVector: room.state.stateVectorBytes, deletes: room.state.deletesBytes }
        : nothingCompared;
    this.#session.compared(room.number, result, state, member.access === 'write');
  }

  /** Who wrote what came after a cursor, as far as the log has it: told to nobody who has left meanwhile (A1). */
  async #tellAuthors(member: NativeMember, cursor: Cursor | null): Promise<void> {
    const { room, tellableAtMs } = member;
    const now = this.#context.clock.now();
    member.tellableAtMs = now + entryAuthorsMsMin;
    let authors: Uint8Array = new Uint8Array(0);
    try {
      if (now >= tellableAtMs) authors = authorsOf(await room.entriesAfter(cursor));
    } catch (error) {
      asRefused(error, this.#context.logger, 'reading who wrote a document failed');
    }
    if (this.#members.get(room.number) === member) this.#session.authors(room.number, authors);
    this.#drain();
  }

  #leave(doc: number): void {
    const member = this.#members.get(doc);
    if (member === undefined) return;
    this.#members.delete(doc);
    member.room.leave(member);
  }

  /**
   * Runs what a message of a member asks for. Bytes that are not what they claim to be end the connection; whatever else
   * is refused ends the one document.
   */
  #guard(doc: number, run: (member: NativeMember) => void): void {
    const member = this.#members.get(doc);
    if (member === undefined) return;
    try {
      run(member);
    } catch (error) {
      const refused = asRefused(error, this.#context.logger, 'handling a message failed');
      if (refused.code.startsWith('TW_MALFORMED')) this.#session.close(refused);
      else this.ended(member, refused);
    }
  }

  #write(messages: readonly ServerMessage[]): void {
    if (messages.length > 0) this.#out.write(binaryFrame([encodeMessages(messages)]));
  }
}

/** C6: a client that holds another history keeps it to itself. */
function checkEpoch(room: Room, epoch: string): void {
  if (room.continues(epoch)) return;
  throw new RefusedError(
    'TW_EPOCH_MISMATCH',
    room.head === null ? 'the relay has no history of this document' : 'the relay has another history of this document',
  );
}
