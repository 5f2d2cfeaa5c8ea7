/** Updates made beforehand, so that the load generator has nothing to compute while the clock runs. */
import { UpdateScan, scanUpdate } from '@tideweave/shared';
import * as Y from 'yjs';
import { BenchError } from '../errors.ts';

/** What the last update of every writer holds: whoever has seen it has, in order, seen all before it. */
const markText = '\u0001\u0002that is all\u0002\u0001';
export const mark: Buffer = Buffer.from(markText);

/** One writer's typing: a character per update, and at the end the mark. Clock k is made by update k. */
export interface Typing {
  readonly client: number;
  readonly updates: readonly Uint8Array[];
  /** The client's clock after the mark. */
  readonly end: number;
}

export function typing(client: number, count: number): Typing {
  const doc = new Y.Doc();
  doc.clientID = client;
  const text = doc.getText('text');
  const updates: Uint8Array[] = [];
  doc.on('update', (update: Uint8Array) => updates.push(update));
  for (let at = 0; at < count; at++) text.insert(at, String.fromCharCode(97 + (at % 26)));
  text.insert(count, markText);
  return { client, updates, end: count + markText.length };
}

/** Tells which clocks of which clients an update brings. */
const scan = new UpdateScan();

/** Calls `seen` with each stretch of clocks that an update inserts; `end` is exclusive. Throws `BenchError`. */
export function insertedBy(update: Uint8Array, seen: (client: number, clock: number, end: number) => void): void {
  if (!scanUpdate(update, scan)) throw new BenchError(`the server sent an update that is none: ${scan.error}`);
  for (let row = 0; row < scan.runCount; row++) {
    seen(scan.runClient[row] ?? 0, scan.runClock[row] ?? 0, scan.runEnd[row] ?? 0);
  }
}

/** What a reader has, gathered from the updates it was sent. */
export class Coverage {
  readonly clocks: Map<number, number> = new Map();

  add(update: Uint8Array): void {
    insertedBy(update, (client, _clock, end) => {
      if (end > (this.clocks.get(client) ?? 0)) this.clocks.set(client, end);
    });
  }

  has(client: number, clock: number): boolean {
    return (this.clocks.get(client) ?? 0) >= clock;
  }
}
