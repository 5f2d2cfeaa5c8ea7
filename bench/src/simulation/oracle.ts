/** Sees every edit, every acknowledgement and every stored entry, and knows what must follow from them. */
import type { Divergence } from '@tideweave/client';
import type { NewEntry } from '@tideweave/server/testing';
import type { DocumentStatus } from '@tideweave/shared';
import { Coverage } from './coverage.ts';
import { graceMs } from './grants.ts';
import type { Edit, Replica } from './replica.ts';
import type { Settings } from './settings.ts';
import type { Timeline } from './timeline.ts';
import type { Report } from './violation.ts';
import { WireWatch } from './wire-watch.ts';
import { type History, Witness } from './witness.ts';

export class Oracle {
  readonly witness: Witness;
  readonly #report: Report;
  readonly #timeline: Timeline;
  /** The present copies, by device and document. */
  readonly #replicas = new Map<string, Replica>();
  /** All copies there ever were, by the client id of their documents. */
  readonly #byClient = new Map<number, Replica>();
  edits = 0;
  /** When the last grant of a device for a document ends (virtual ms), and what it pushed after the end of one. */
  readonly #grantedUntilMs = new Map<string, number>();
  readonly #late = new Map<string, Coverage>();
  readonly #edits = new Map<string, Edit[]>();
  /** Whether the relay has several connections of a device. */
  isDoubled: (device: string) => boolean = () => false;
  /** The relay asks a device for what it lacks. */
  wanted: (device: string, document: string) => void = () => undefined;
  /** Whether an older copy of the disk was ever put in place, or an update was swallowed. */
  isSetBack: () => boolean = () => false;
  /** What a copy was never given may be gone from the relay as well: what builds on it fits nowhere. */
  mayHaveHoles: () => boolean = () => false;
  /** Failures inside the relay that the world has caused, and that clients may be told of. */
  internalErrors = 0;

  readonly #hasSlowReaders: boolean;
  readonly #note: (text: () => string) => void;

  constructor(settings: Settings, report: Report, timeline: Timeline, note: (text: () => string) => void) {
    this.#note = note;
    this.#hasSlowReaders = settings.limits.socketBufferBytesMax < 64 * 1024;
    this.#report = report;
    this.#timeline = timeline;
    this.witness = new Witness(report);
    this.witness.onEntry = (history, entry, coverage) => this.#stored(history, entry, coverage);
  }

  /** All edits of all copies there ever were of a document, in the order they were made. */
  editsOf(document: string): readonly Edit[] {
    return this.#edits.get(document) ?? [];
  }

  /** Everybody who has the document now. */
  replicasOf(document: string): Replica[] {
    return [...this.#replicas.values()].filter((replica) => replica.document === document);
  }

  opened(replica: Replica): void {
    this.#replicas.set(`${replica.device} ${replica.document}`, replica);
    this.#byClient.set(replica.clientId, replica);
  }

  /** The device does not have this copy any more. */
  dropped(replica: Replica): void {
    const key = `${replica.device} ${replica.document}`;
    if (this.#replicas.get(key) === replica) this.#replicas.delete(key);
  }

  edited(replica: Replica, update: Uint8Array, n: number): void {
    this.edits++;
    const edit = { n, update: update.slice(), coverage: Coverage.ofUpdate(update) };
    const edits = this.#edits.get(replica.document) ?? [];
    edits.push(edit);
    this.#edits.set(replica.document, edits);
    replica.unacknowledged.push(edit);
  }

  /** A connection of a device is made: watches it. */
  watchWire(device: string, dialect: 'tideweave' | 'y-websocket'): WireWatch {
    const replica = (name: string, document: string): Replica | undefined => this.#replicas.get(`${name} ${document}`);
    const isOurs = (): boolean => this.internalErrors-- > 0;
    const world = {
      witness: this.witness,
      report: this.#report,
      note: this.#note,
      step: (): number => this.#timeline.steps,
      now: (): number => this.#timeline.now,
      isDoubled: this.isDoubled,
      hasSlowReaders: this.#hasSlowReaders,
      replica,
      isOurs,
      mayHaveHoles: (): boolean => this.mayHaveHoles(),
      wanted: (name: string, document: string): void => this.wanted(name, document),
      granted: (name: string, document: string, endsAtMs: number): void => {
        const key = `${name} ${document}`;
        this.#grantedUntilMs.set(key, Math.max(endsAtMs, this.#grantedUntilMs.get(key) ?? 0));
        // What it pushes again is pushed in time.
        this.#late.delete(key);
      },
      pushedLate: (name: string, document: string, coverage: Coverage): void => {
        const late = this.#late.get(`${name} ${document}`) ?? new Coverage();
        late.add(coverage);
        this.#late.set(`${name} ${document}`, late);
      },
    };
    return new WireWatch(world, device, dialect);
  }

  /** U1: what the screen calls safe on the server was acknowledged, which D2 has checked. */
  shown(replica: Replica, status: DocumentStatus): void {
    const { pending, safe } = status;
    if (safe !== 'server') return;
    const [first] = replica.unacknowledged;
    if (first !== undefined) {
      const what = `${replica.device} shows ${replica.document} as saved`;
      this.#report('U1', `${what}, and edit ${first.n} was never acknowledged`);
    }
    if (pending.updates > 0) this.#report('U1', `${replica.device} shows as saved what it says is pending`);
  }

  /** C1: copies of a quiet document differ only when a fault outside all rules made them; everything else heals before. */
  diverged({ device, document, access }: Replica, { here, relay }: Divergence): void {
    if (this.isSetBack() || access === 'read') return;
    const who = [here ? 'the copy' : '', relay ? 'the relay' : ''].filter((each) => each !== '').join(' and ');
    this.#report('C1', `${device} and the relay were quiet and not the same in ${document}: ${who} lacked something`);
  }

  #stored(history: History, { user }: NewEntry, coverage: Coverage): void {
    for (const client of coverage.inserted.keys()) {
      const replica = this.#byClient.get(client);
      if (replica === undefined) {
        this.#report('C2', `${history.name} has content of client ${client}, and nobody has that id`);
        continue;
      }
      if (replica.document !== history.name) {
        this.#report('C2', `${history.name} has content that was made in ${replica.document}`);
      }
      if (replica.access === 'read')
        this.#report('A1', `what ${replica.device} wrote was stored, and it may only read`);
    }
    const key = `${user} ${history.name}`;
    const isOver = this.#timeline.now > (this.#grantedUntilMs.get(key) ?? Infinity) + graceMs;
    if (isOver && !coverage.isEmpty && this.#late.get(key)?.lacks(coverage) === null)
      this.#report('A1', `what ${user} pushed into ${history.name} was stored, and its grant had ended before`);
    const bringer = this.#replicas.get(`${user} ${history.name}`);
    if (bringer !== undefined && bringer.epoch !== '' && bringer.epoch !== history.epoch) {
      this.#report('C6', `${user} belongs to another history of ${history.name} than what it brought was stored in`);
    }
  }
}
