import {
  type Divergence,
  type DocumentStatus,
  type OpenMessage,
  RefusedError,
  type RefusalStatus,
  covers,
  decodeStateVector,
  partBytes,
  splitUpdate,
  DocumentState,
  type ServerOutput,
  UpdateScan,
  scanUpdate,
} from '@tideweave/shared';
import * as Y from 'yjs';
import type { LinkedDocument } from '../document-client.ts';
import type { DocumentMerge } from '../merge/document-merges.ts';
import { refusedError } from '../refused-error.ts';
import type { RelayDocument } from '../relay/relay-document.ts';
import type { StoredDocument } from '../store/offline-store.ts';
import type { HubLink } from './hub-link.ts';
import { HubMember } from './hub-member.ts';
import { HubMerges } from './hub-merges.ts';
import { type PresenceNews, SharedPresence } from './shared-presence.ts';

export interface HubRoomOptions {
  readonly name: string;
  /** Names the document on every link. */
  readonly number: number;
  readonly now: () => number;
  readonly link: (document: LinkedDocument) => RelayDocument;
  /** Whether a connection is there or about to be: then what the relay has is waited for. */
  readonly hopeful: () => boolean;
  /** Something changed that tabs are to be told at the end of the turn. */
  readonly changed: (room: HubRoom) => void;
  readonly ended: (room: HubRoom) => void;
}

/** One scan at a time. */
const scan = new UpdateScan();

/**
 * A document that tabs have open: towards the relay and the device a document like that of any client, towards the tabs
 * what a relay's room is. What a tab pushes is the leader's edit from then on, as the bytes it was made as, and is
 * acknowledged when the relay has acknowledged it to the leader.
 */
export class HubRoom implements LinkedDocument {
  readonly name: string;
  readonly number: number;
  /** Null where nobody wants merge reports. */
  readonly merges: HubMerges | null;
  readonly #options: HubRoomOptions;
  readonly #doc: Y.Doc;
  readonly #link: RelayDocument;
  readonly #presence = new SharedPresence();
  readonly #members = new Map<HubLink, HubMember>();
  /** Tabs that wait until there is something to open. */
  #waiting: { readonly link: HubLink; readonly message: OpenMessage }[] = [];
  /** What admits edits; null when something else than an edit has changed the document since. */
  #state: DocumentState | null = null;
  /** Something of what is being applied was not here yet. */
  #arrived = false;
  #savedN = 0;
  /** Updates from the relay that the document was given. */
  #deliveredCount = 0;
  /** Where the document was at the last watermark; null when there was none. */
  #mark: { readonly deliveredCount: number; readonly lastN: number } | null = null;
  #isSettled = true;
  #isEnded = false;

  constructor(options: HubRoomOptions) {
    this.#options = options;
    this.name = options.name;
    this.number = options.number;
    this.#doc = new Y.Doc({ guid: options.name });
    this.#doc.on('update', () => (this.#arrived = true));
    this.#link = options.link(this);
    const { merges } = this.#link;
    this.merges = merges === null ? null : new HubMerges(options.name, merges);
  }

  /** Answers the tab as soon as there is something to open: what the device has, or the relay, or nothing can be had. */
  open(link: HubLink, message: OpenMessage): void {
    this.#waiting.push({ link, message });
    this.#admitWaiting();
  }

  leave(link: HubLink): void {
    this.#waiting = this.#waiting.filter((each) => each.link !== link);
    this.merges?.leave(link);
    const member = this.#members.get(link);
    if (member !== undefined) {
      this.#members.delete(link);
      this.#tellPresence(this.#presence.leave(member, this.#options.now()), member);
    }
    this.#endIfIdle();
  }

  /** A tab's edit, or what it hands back. */
  store(link: HubLink, { n, update, resync }: Extract<ServerOutput, { kind: 'store' }>): void {
    const member = this.#members.get(link);
    if (member === undefined) return;
    if (!scanUpdate(update, scan)) throw new RefusedError('TW_MALFORMED_UPDATE', scan.error);
    const state = (this.#state ??= new DocumentState(decodeStateVector(this.stateVector())));
    if (state.admit(scan) === 'missing') {
      if (resync) throw new RefusedError('TW_MISSING_DEPENDENCIES', 'the edit builds on what neither tab has');
      member.wanted();
      link.session.missing(this.number, n, this.stateVector());
      return;
    }
    state.apply(scan);
    const isNew = this.#apply(update);
    // Known or not: only the relay's own acknowledgement says that it is durable.
    this.#link.edit(update, isNew);
    const leaderN = this.#link.lastEdit;
    link.session.stored(this.number, n, leaderN);
    member.received(n, leaderN, resync);
    this.#forward(update, member);
    this.#options.changed(this);
  }

  /** The tab has pushed its backlog: what it still has and nobody here has is asked for. */
  backlogReceived(link: HubLink): void {
    const member = this.#members.get(link);
    if (member === undefined) return;
    member.backlogReceived();
    if (!covers(decodeStateVector(this.stateVector()), member.stateVector)) {
      member.wanted();
      link.session.missing(this.number, null, this.stateVector());
    }
    this.#options.changed(this);
  }

  announce(link: HubLink, update: Uint8Array): void {
    const member = this.#members.get(link);
    if (member === undefined) return;
    const news = this.#presence.fromTab(update, member, this.#options.now());
    if (news.forSender !== null) link.send({ type: 'awareness', doc: this.number, update: news.forSender });
    this.#tellPresence(news, member);
  }

  /** The connection of all tabs changed: waiting for it may be in vain now. */
  connectionChanged(): void {
    this.#admitWaiting();
    this.#options.changed(this);
  }

  /** Tells each tab how things stand. */
  tell(): void {
    if (this.#isEnded || this.#link.isLoading) return;
    const { status, durableEdit } = this.#link;
    const told = { ...status, pending: { ...status.pending, since: this.#age(status) } };
    for (const [link, member] of this.#members) {
      if (member.caughtUpDue && status.synced) {
        member.caughtUpDue = false;
        link.send({ type: 'caught-up', doc: this.number });
      }
      member.durable(durableEdit);
      link.flush();
      link.post({ type: 'document', name: this.name, facts: member.facts(told) });
    }
    this.#endIfIdle();
  }

  /**
   * Tells the tabs, now and then, what they need not hand back to a later leader: everything before the last watermark,
   * once all of that is durable on the relay. False when there is nothing more to tell.
   */
  watermark(): boolean {
    if (this.#isSettled || this.#isEnded || this.#link.isLoading) return false;
    const { epoch, unconfirmed, lastEdit: lastN } = this.#link;
    const deliveredCount = this.#deliveredCount;
    if (epoch === '') return true;
    const settled = unconfirmed === 0 && this.#savedN >= lastN;
    const before = this.#mark;
    const isDue =
      before === null ||
      settled ||
      (deliveredCount - unconfirmed >= before.deliveredCount && this.#savedN >= before.lastN);
    if (!isDue) return true;
    this.#mark = { deliveredCount, lastN };
    this.#isSettled = settled;
    for (const link of this.#members.keys()) {
      link.send({ type: 'watermark', doc: this.number, epoch, cursor: new Uint8Array(0), settled });
      link.flush();
    }
    return !settled;
  }

  /** The leader gives up: what tabs have not been told is theirs to bring to the next. */
  close(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#link.close();
    this.#doc.destroy();
  }

  stateVector(): Uint8Array {
    return Y.encodeStateVector(this.#doc);
  }

  difference(stateVector: Uint8Array): Uint8Array {
    return Y.encodeStateAsUpdate(this.#doc, stateVector);
  }

  read<Result>(reader: (doc: Y.Doc) => Result): Result {
    return reader(this.#doc);
  }

  restore({ base, received, delivered, pending }: StoredDocument): void {
    Y.transact(this.#doc, () => {
      const kept = [...delivered, ...pending].map(({ update }) => update);
      for (const update of [...(base === null ? [] : [base]), ...received, ...kept]) Y.applyUpdate(this.#doc, update);
    });
    this.#deliveredCount = delivered.length;
    this.#isSettled = false;
  }

  loaded(): void {
    this.#admitWaiting();
  }

  storeFailed(error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    for (const link of this.#members.keys()) link.post({ type: 'storefailed', name: this.name, reason });
    for (const { link } of this.#waiting) link.post({ type: 'storefailed', name: this.name, reason });
  }

  apply(update: Uint8Array): boolean {
    const isNew = this.#apply(update);
    this.#state = null;
    this.#deliveredCount += 1;
    this.#forward(update, null);
    return isNew;
  }

  applyAwareness(update: Uint8Array): void {
    try {
      this.#presence.fromRelay(update, this.#options.now());
    } catch (error) {
      if (!(error instanceof RefusedError)) throw error;
      return;
    }
    // As it came, news or not: a tab may have forgotten who was there.
    for (const link of this.#members.keys()) link.send({ type: 'awareness', doc: this.number, update });
    this.#options.changed(this);
  }

  opened(): void {
    const announced = this.#presence.forRelay();
    if (announced !== null) this.#link.announce(announced);
    const present = this.#presence.forTab();
    for (const link of this.#members.keys())
      if (present !== null) link.send({ type: 'awareness', doc: this.number, update: present });
  }

  synced(): void {
    this.#options.changed(this);
  }

  saved(n: number): void {
    this.#savedN = n;
    for (const link of this.#members.keys()) link.session.committed(this.number, n);
    this.#options.changed(this);
  }

  mergesChanged(merge: DocumentMerge | null): void {
    this.merges?.changed(merge);
  }

  diverged(divergence: Divergence): void {
    for (const link of this.#members.keys()) link.post({ type: 'diverged', name: this.name, divergence });
  }

  refused(error: RefusalStatus): void {
    if (this.#link.status.phase === 'refused') this.#end(error);
    else for (const link of this.#members.keys()) link.post({ type: 'refused', name: this.name, error });
  }

  statusChanged(): void {
    this.#admitWaiting();
    this.#options.changed(this);
  }

  #admitWaiting(): void {
    if (this.#waiting.length === 0 || this.#isEnded || this.#link.isLoading) return;
    const { phase } = this.#link.status;
    if (phase === 'loading' && this.#options.hopeful()) return;
    for (const { link, message } of this.#waiting.splice(0)) this.#admit(link, message);
  }

  #admit(link: HubLink, { request, epoch, stateVector }: OpenMessage): void {
    const here = this.#link.epoch;
    if (epoch !== '' && here !== '' && epoch !== here) {
      const reason = 'the tabs of this browser went on with another history of this document';
      link.session.refusedOpen(request, new RefusedError('TW_EPOCH_MISMATCH', reason));
      link.drain();
      return;
    }
    // A tab that outlived the last leader knows better than one that never heard of the document (C6).
    if (here === '') this.#link.adopt(epoch);
    const update = this.difference(stateVector);
    const { number: doc } = this;
    const opened = { request, doc, epoch: here === '' ? epoch : here, user: '', totalBytes: update.length };
    // What the relay really allows is in the status; it refuses for all tabs alike.
    if (!link.session.granted({ ...opened, access: 'write' })) {
      link.drain();
      return;
    }
    this.#members.set(link, new HubMember(link, decodeStateVector(stateVector)));
    link.drain();
    link.send(...splitUpdate(doc, update, partBytes, (rest) => ({ type: 'update', doc, update: rest }) as const));
    const present = this.#presence.forTab();
    if (present !== null) link.send({ type: 'awareness', doc, update: present });
    this.merges?.enter(link);
    this.#isSettled = false;
    this.#options.changed(this);
  }

  /** False when all of it was here already. */
  #apply(update: Uint8Array): boolean {
    this.#arrived = false;
    Y.applyUpdate(this.#doc, update, this);
    return this.#arrived;
  }

  /** Sends an update on to all tabs, except to the one that it came from. */
  #forward(update: Uint8Array, from: HubMember | null): void {
    this.#isSettled = false;
    const { number: doc } = this;
    for (const [link, member] of this.#members) {
      if (member === from) continue;
      link.send(...splitUpdate(doc, update, partBytes, (rest) => ({ type: 'update', doc, update: rest }) as const));
    }
    this.#options.changed(this);
  }

  #tellPresence({ forTabs, forRelay }: PresenceNews, from: HubMember): void {
    if (forRelay !== null) this.#link.announce(forRelay);
    if (forTabs === null) return;
    for (const [link, member] of this.#members) {
      if (member !== from) link.send({ type: 'awareness', doc: this.number, update: forTabs });
    }
    this.#options.changed(this);
  }

  /** How long ago the oldest edit without an acknowledgement was made (ms). */
  #age({ pending }: DocumentStatus): number | null {
    return pending.since === null ? null : this.#options.now() - pending.since;
  }

  /** Nobody has the document open any more, and nothing of it is on its way. */
  #endIfIdle(): void {
    if (this.#isEnded || this.#members.size > 0 || this.#waiting.length > 0) return;
    if (this.#link.isLoading || this.#link.status.pending.updates === 0) this.#finish();
  }

  #end(status: RefusalStatus): void {
    const error = refusedError(status);
    for (const link of this.#members.keys()) link.session.refuseDocument(this.number, error);
    for (const { link, message } of this.#waiting) link.session.refusedOpen(message.request, error);
    const links = [...this.#members.keys(), ...this.#waiting.map(({ link }) => link)];
    this.#members.clear();
    this.#waiting = [];
    for (const link of links) link.drain();
    this.#finish();
  }

  #finish(): void {
    this.close();
    this.#options.ended(this);
  }
}
