/**
 * Tells an application what happens to documents. Looks about once a second at what is loaded and compares it with what
 * was told, so that edits cost nothing more; at a start everything is compared, so that a crash hides nothing.
 */
import { randomUUID } from 'node:crypto';

import type { Clock } from '@tideweave/shared';

import type { DocumentLog, Head } from '../log/document-log.ts';
import { type Logger, asError } from '../observability/log.ts';
import type { Room } from '../room/room.ts';
import type { WebhookEvent, WebhookType } from './event.ts';
import type { Told, WebhookQueue } from './webhook-queue.ts';
import type { WebhookSender } from './webhook-sender.ts';

export interface WebhooksOptions {
  readonly queue: WebhookQueue;
  readonly sender: WebhookSender;
  readonly log: DocumentLog;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Time from the first edit that was not told until it is, with all that came meanwhile. */
  readonly debounceMs: number;
}

const namesPerPage = 500;

interface Watched {
  told: Told | null;
  /** Since when there are edits that were not told (monotonic ms), or null. */
  untoldSinceMs: number | null;
}

export class Webhooks {
  readonly #options: WebhooksOptions;
  readonly #watched = new Map<string, Watched>();
  /** Documents to look at though they are not loaded. */
  readonly #due = new Set<string>();
  /** Who has which document open, as it was told. */
  #present = new Map<string, ReadonlySet<string>>();
  #looking: Promise<void> | null = null;

  constructor(options: WebhooksOptions) {
    this.#options = options;
  }

  /** Finds what happened since the last start and was not told. The first time, all that is there is taken as told. */
  async start(): Promise<void> {
    const { queue, log, sender } = this.#options;
    const isNew = await queue.isNew();
    // Whoever was there when the relay crashed, and is not back by the first look, has left.
    this.#present = await queue.present();
    for (let after: string | null = null; ;) {
      const names: readonly string[] = await log.names({ after, limit: namesPerPage });
      for (const name of names) {
        // A damaged document has nothing to tell.
        const head = await log.head(name).catch(() => null);
        if (head === null) continue;
        if (isNew) await queue.add([], name, { told: toldOf(head) });
        else await this.#compare(name, head, true);
        this.#watched.delete(name);
      }
      after = names.at(-1) ?? null;
      if (after === null) break;
    }
    if (isNew) await queue.begin();
    sender.wake();
  }

  /** A document was created or deleted by its name. */
  changed(name: string): void {
    this.#due.add(name);
  }

  /** Housekeeping, about once a second. */
  sweep(rooms: Iterable<Room>): void {
    this.#looking ??= this.#look([...rooms], false)
      .catch((error: unknown) =>
        this.#options.logger.error({ err: asError(error) }, 'webhooks could not be made; they are made later'),
      )
      .finally(() => (this.#looking = null));
  }

  /** Tells what was not told yet to the queue, and closes it: it is sent after the next start. */
  async close(): Promise<void> {
    const { sender, queue, logger } = this.#options;
    await this.#looking;
    await this.#look([], true).catch((error: unknown) =>
      logger.error({ err: asError(error) }, 'webhooks could not be made; they are made at the next start'),
    );
    await sender.close();
    await queue.close();
  }

  async #look(rooms: readonly Room[], isLast: boolean): Promise<void> {
    const loaded = new Set(rooms.map(({ name }) => name));
    for (const room of rooms) {
      if (room.head !== null) await this.#compare(room.name, room.head, false);
      await this.#comparePresence(room.name, room.audience.users);
    }
    for (const name of [...this.#due, ...this.#watched.keys()]) {
      if (loaded.has(name) && !this.#due.has(name)) continue;
      const head = await this.#options.log.head(name).catch(() => null);
      const isTold = head === null || (await this.#compare(name, head, isLast));
      this.#due.delete(name);
      if (isTold && !loaded.has(name)) this.#watched.delete(name);
    }
    for (const name of this.#present.keys()) if (!loaded.has(name)) await this.#comparePresence(name, new Set());
    this.#options.sender.wake();
  }

  /** Makes events of what changed; whether all of it is told. */
  async #compare(name: string, head: Head, atOnce: boolean): Promise<boolean> {
    const { queue, clock, debounceMs } = this.#options;
    let watched = this.#watched.get(name);
    if (watched === undefined) {
      watched = { told: await queue.told(name), untoldSinceMs: null };
      this.#watched.set(name, watched);
    }
    const { told } = watched;
    const types: WebhookType[] = [];
    let seq = told?.epoch === head.epoch ? told.seq : 0;
    const isOther = told === null || told.deleted || told.epoch !== head.epoch;
    if (head.deletedAt !== null) {
      if (told !== null && !told.deleted) types.push('document.deleted');
    } else {
      if (isOther) types.push('document.created');
      if (head.lastSeq > seq) {
        watched.untoldSinceMs ??= clock.now();
        if (atOnce || clock.now() - watched.untoldSinceMs >= debounceMs) {
          types.push('document.updated');
          seq = head.lastSeq;
        }
      }
    }
    if (types.length > 0) {
      const now: Told = { epoch: head.epoch, seq, deleted: head.deletedAt !== null };
      const events = types.map((type) => this.#event(type, name, head.epoch, head.lastSeq, ''));
      // When too much waits, it is tried again.
      if (!(await queue.add(events, name, { told: now }))) return false;
      watched.told = now;
      if (seq === head.lastSeq) watched.untoldSinceMs = null;
    }
    return watched.untoldSinceMs === null;
  }

  async #comparePresence(name: string, users: ReadonlySet<string>): Promise<void> {
    const before = this.#present.get(name) ?? new Set<string>();
    const joined = [...users].filter((user) => !before.has(user));
    const left = [...before].filter((user) => !users.has(user));
    if (joined.length + left.length === 0) return;
    const events = [
      ...joined.map((user) => this.#event('presence.joined', name, '', 0, user)),
      ...left.map((user) => this.#event('presence.left', name, '', 0, user)),
    ];
    // When too much waits, they are told later, as far as it is still true.
    if (!(await this.#options.queue.add(events, name, { present: users }))) return;
    if (users.size === 0) this.#present.delete(name);
    else this.#present.set(name, users);
  }

  #event(type: WebhookType, document: string, epoch: string, seq: number, user: string): WebhookEvent {
    const time = new Date(this.#options.clock.wallTime()).toISOString();
    return { id: randomUUID(), type, time, document, epoch, seq, user };
  }
}

function toldOf({ epoch, lastSeq, deletedAt }: Head): Told {
  return { epoch, seq: lastSeq, deleted: deletedAt !== null };
}
