/**
 * Follows one document through being away and coming back, and says what there is to compare when both sides changed
 * meanwhile. It keeps the history that both sides had apart from the edits of this side that nobody has acknowledged:
 * the live document cannot tell any more what those overwrote.
 */
import { type Cancel, type Clock, Reader } from '@tideweave/shared';
import { parseUpdateMeta } from 'yjs';
import type { MergeReportInput } from './report-types.ts';

/** What to compare, and the cursor after which the others made theirs; null when it was too much to keep, so that all there is to say is that both sides changed. */
export type MergeWork = (Pick<MergeReportInput, 'base' | 'mine' | 'theirs'> & { readonly cursor: Uint8Array }) | null;

export interface MergeWatchOptions {
  readonly clock: Pick<Clock, 'after'>;
  /** The whole document as it is now, as one Yjs V1 update. */
  readonly encode: () => Uint8Array;
  /** Bytes of history that are kept in memory at most. */
  readonly historyBytesMax: number;
  /** Both sides changed. `away` grows with each time away: what comes with the same number replaces what came before. */
  readonly merged: (away: number, work: MergeWork) => void;
}

interface Edit {
  readonly n: number;
  readonly update: Uint8Array;
}

/** From coming back on until nobody else is expected to bring what was made without knowing mine. */
interface Away {
  readonly number: number;
  /** Where both sides were together in the relay's log. */
  readonly cursor: Uint8Array;
  /** What both sides had; null when that is not known. */
  readonly base: readonly Uint8Array[] | null;
  readonly mine: Edit[];
  theirs: Uint8Array[];
  bytes: number;
  /** Too much to compare. */
  tooLarge: boolean;
  /** Any of theirs brought something that was not here. */
  changed: boolean;
  isBack: boolean;
  /** Clients that see what is made here as it happens. */
  readonly present: Set<number>;
}

export class MergeWatch {
  readonly #options: MergeWatchOptions;
  /** Updates that both sides have; null while that is not known. */
  #shared: Uint8Array[] | null = null;
  #sharedBytes = 0;
  /** Bytes of those that were put together already. */
  #wholeBytes = 0;
  /** Not known because it is too large, not because there was nothing to know. */
  #tooLarge = false;
  #pending: Edit[] = [];
  #away: Away | null = null;
  #awayNumber = 0;
  #end: Cancel | null = null;
  #comparison: Cancel | null = null;

  constructor(options: MergeWatchOptions) {
    this.#options = options;
  }

  /** The document was opened from the device, which has these updates that the relay has too, and edits. */
  loaded(shared: readonly Uint8Array[], pending: readonly Uint8Array[]): void {
    this.#pending = pending.map((update, at) => ({ n: at + 1, update }));
    this.#know(shared);
  }

  /** Content came along that was there before the document was opened: nobody can say what of it the other side has. */
  brought(): void {
    this.#forget(false);
  }

  /** An edit made here. */
  edited(n: number, update: Uint8Array): void {
    this.#pending.push({ n, update });
  }

  /** The relay has every edit up to `n`. */
  saved(n: number): void {
    const firstKept = this.#pending.findIndex((edit) => edit.n > n);
    const saved = this.#pending.splice(0, firstKept === -1 ? this.#pending.length : firstKept);
    for (const { update } of saved) this.#share(update);
  }

  /**
   * Open on a new connection, resumed from `cursor`: what comes until `synced` was made while this side was away.
   */
  opened(cursor: Uint8Array): void {
    if (this.#away?.isBack === true) this.#leaveAway();
    if (this.#away === null) {
      if (this.#pending.length === 0) return;
      this.#away = {
        number: ++this.#awayNumber,
        cursor,
        base: this.#shared === null ? null : [...this.#shared],
        mine: [],
        theirs: [],
        bytes: this.#sharedBytes,
        tooLarge: this.#tooLarge,
        changed: false,
        isBack: false,
        present: new Set(),
      };
    }
    const { mine } = this.#away;
    const last = mine.at(-1)?.n ?? 0;
    for (const edit of this.#pending) if (edit.n > last) mine.push(edit);
  }

  /** An update of others was applied; `changed`: it brought something that was not here. */
  delivered(update: Uint8Array, changed: boolean): void {
    // A copy: it may be a view into a frame that is reused or much larger.
    const copy = update.slice();
    this.#share(copy);
    const away = this.#away;
    if (away === null || (away.isBack && (!changed || isOf(away.present, copy)))) return;
    away.changed ||= changed;
    away.theirs.push(copy);
    away.bytes += copy.length;
    if (away.bytes > this.#options.historyBytesMax) {
      away.tooLarge = true;
      away.theirs = [];
    }
    if (away.isBack) this.#comparison ??= this.#options.clock.after(lateMs, () => this.#compare(away));
  }

  /** Who the relay says is there. What somebody made while away comes before it says so. */
  present(clients: Iterable<number>): void {
    for (const client of clients) this.#away?.present.add(client);
  }

  /** Everything that the relay had is here. */
  synced(): void {
    if (this.#shared === null && this.#pending.length === 0) this.#renew();
    const away = this.#away;
    if (away === null || away.isBack) return;
    away.isBack = true;
    this.#end = this.#options.clock.after(othersMs, () => this.#leaveAway());
    if (away.changed) this.#compare(away);
  }

  /** The document is closed. */
  close(): void {
    this.#leaveAway();
  }

  #compare({ base, mine, theirs, tooLarge, number, cursor }: Away): void {
    this.#comparison?.();
    this.#comparison = null;
    if (tooLarge) this.#options.merged(number, null);
    else if (base !== null)
      this.#options.merged(number, { base, mine: mine.map(({ update }) => update), theirs: [...theirs], cursor });
    if (tooLarge || base === null) this.#leaveAway();
  }

  #leaveAway(): void {
    this.#end?.();
    this.#comparison?.();
    this.#end = null;
    this.#comparison = null;
    this.#away = null;
  }

  #share(update: Uint8Array): void {
    if (this.#shared === null) return;
    this.#shared.push(update);
    this.#sharedBytes += update.length;
    // As soon as nothing is pending, the document itself is all that both sides have.
    const isDue = this.#sharedBytes - this.#wholeBytes > Math.max(looseBytesMin, this.#wholeBytes);
    if (isDue && this.#pending.length === 0) this.#renew();
    else if (this.#sharedBytes > this.#options.historyBytesMax) this.#forget(true);
  }

  #renew(): void {
    this.#know([this.#options.encode()]);
  }

  #know(updates: readonly Uint8Array[]): void {
    this.#shared = [...updates];
    this.#sharedBytes = updates.reduce((bytes, { length }) => bytes + length, 0);
    this.#wholeBytes = this.#sharedBytes;
    this.#tooLarge = false;
    if (this.#sharedBytes > this.#options.historyBytesMax) this.#forget(true);
  }

  #forget(tooLarge: boolean): void {
    this.#shared = null;
    this.#sharedBytes = 0;
    this.#tooLarge = tooLarge;
  }
}

/** Clients that an awareness update says to be there, with how they call themselves; empty where they do not say. */
export function presentIn(awarenessUpdate: Uint8Array): Map<number, string> {
  const reader = new Reader(awarenessUpdate);
  const present = new Map<number, string>();
  for (let left = reader.varUint(); left > 0; left--) {
    const client = reader.varUint();
    reader.varUint();
    const state = reader.varString(awarenessUpdate.length);
    if (state !== 'null') present.set(client, nameIn(state));
  }
  return present;
}

/** `user.name` as editor bindings have it, or else `name`. */
function nameIn(state: string): string {
  try {
    const { user, name } = JSON.parse(state) as { user?: { name?: unknown } | null; name?: unknown };
    const found = user?.name ?? name;
    return typeof found === 'string' ? found.slice(0, nameCharsMax) : '';
  } catch {
    return '';
  }
}

/** Whether all that an update inserts is by these clients. One that only deletes does not say by whom. */
function isOf(clients: ReadonlySet<number>, update: Uint8Array): boolean {
  for (const client of parseUpdateMeta(update).from.keys()) if (!clients.has(client)) return false;
  return true;
}

const nameCharsMax = 100;
/** Updates of that many bytes lie beside the whole before they are put together with it. */
const looseBytesMin = 256 * 1024;
/** When a relay comes back its clients do within their longest backoff; then it is too late to call it one merge. */
const othersMs = 35_000;
/** What comes late comes in pieces; they are looked at together. */
const lateMs = 300;
