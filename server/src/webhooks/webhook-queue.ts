/**
 * Webhooks that wait to be sent, and what was told of each document and of who has it open; both change in one synced
 * batch, so that a crash neither loses nor repeats the making of an event. A LevelDB of its own beside the documents.
 */
import { Level } from 'level';

import type { WebhookEvent } from './event.ts';

/** What was told of a document. */
export interface Told {
  readonly epoch: string;
  readonly seq: number;
  readonly deleted: boolean;
}

/** What is told with events: of a document, or of who has it open. */
export type Change = { readonly told: Told } | { readonly present: ReadonlySet<string> };

/** Events that wait; what comes beyond is made later. */
const waitingMax = 100_000;
const keyDigits = 16;

export class WebhookQueue {
  readonly #db: Level<string, object>;
  #next = 0;
  #size = 0;

  private constructor(db: Level<string, object>) {
    this.#db = db;
  }

  static async open(path: string): Promise<WebhookQueue> {
    const db = new Level<string, object>(path, { valueEncoding: 'json' });
    await db.open();
    const queue = new WebhookQueue(db);
    for await (const key of db.keys({ gte: 'e', lt: 'f' })) {
      queue.#next = Number(key.slice(1)) + 1;
      queue.#size += 1;
    }
    return queue;
  }

  get size(): number {
    return this.#size;
  }

  /** Whether documents were looked at before; the first time nothing is news. */
  async isNew(): Promise<boolean> {
    return (await this.#db.get('m')) === undefined;
  }

  async told(document: string): Promise<Told | null> {
    return ((await this.#db.get(`s${document}`)) as Told | undefined) ?? null;
  }

  /** Everything in it is news from now on. */
  async begin(): Promise<void> {
    await this.#db.put('m', {}, { sync: true });
  }

  /** Who has which document open, as far as it was told; documents that nobody has are left out. */
  async present(): Promise<Map<string, ReadonlySet<string>>> {
    const present = new Map<string, ReadonlySet<string>>();
    for await (const [key, users] of this.#db.iterator({ gte: 'p', lt: 'q' })) {
      present.set(key.slice(1), new Set(users as string[]));
    }
    return present;
  }

  /** Takes events and what was told with them, both or neither; false when too much waits. */
  async add(events: readonly WebhookEvent[], document: string, change: Change): Promise<boolean> {
    if (this.#size + events.length > waitingMax) return false;
    const batch = this.#db.batch();
    for (const event of events) {
      batch.put(`e${String(this.#next).padStart(keyDigits, '0')}`, event);
      this.#next += 1;
    }
    if ('told' in change) batch.put(`s${document}`, change.told);
    else if (change.present.size > 0) batch.put(`p${document}`, [...change.present]);
    else batch.del(`p${document}`);
    await batch.write({ sync: true });
    this.#size += events.length;
    return true;
  }

  /** The oldest ones, in order. */
  async oldest(limit: number): Promise<readonly WebhookEvent[]> {
    const events = await this.#db.values({ gte: 'e', lt: 'f', limit }).all();
    return events as WebhookEvent[];
  }

  /** The oldest, or null. */
  async first(): Promise<{ readonly key: string; readonly event: WebhookEvent } | null> {
    for await (const [key, event] of this.#db.iterator({ gte: 'e', lt: 'f', limit: 1 })) {
      return { key, event: event as WebhookEvent };
    }
    return null;
  }

  /** One was sent: not synced, as sending it again is allowed. */
  async remove(key: string): Promise<void> {
    await this.#db.del(key);
    this.#size -= 1;
  }

  async close(): Promise<void> {
    await this.#db.close();
  }
}
