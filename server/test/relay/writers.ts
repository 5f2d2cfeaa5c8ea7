/** People who type all the time, with native and stock clients, and what must be there of it. */
import { type DocumentHandle, SyncClient } from '@tideweave/client';
import type { Random } from '@tideweave/shared';
import * as assert from 'uvu/assert';
import type { WebsocketProvider } from 'y-websocket';
import * as Y from 'yjs';
import { HocuspocusClient } from '../conformance/hocuspocus-client.ts';
import { endProvider, readers, sameContent, stockProvider } from '../support/readers.ts';
import { pass, until } from '../support/wait.ts';

const kinds = ['native', 'native', 'y-websocket', 'native', 'hocuspocus'] as const;
const documents = ['ada', 'berta/2', '__proto__', 'Δ delta'];
const typeEveryMs = 15;

/** Types numbers, one edit each, into an array of its own, and deletes some of them again: one edit each, too. */
export class Writer {
  readonly doc: Y.Doc = new Y.Doc();
  readonly kind: (typeof kinds)[number];
  readonly name: string;
  readonly handle: DocumentHandle | null = null;
  /** Reasons with which connections ended, as its application sees them. */
  readonly told: string[] = [];
  readonly #index: number;
  readonly #client: SyncClient | null = null;
  readonly #provider: WebsocketProvider | null = null;
  readonly #hocuspocus: HocuspocusClient | null = null;
  readonly #array: Y.Array<number>;
  readonly #tombs: Y.Array<number>;
  #shownAsSaved = 0;
  made = 0;

  constructor(url: string, index: number) {
    this.#index = index;
    this.kind = kinds[index % kinds.length] ?? 'native';
    this.name = documents[Math.floor(index / kinds.length)] ?? '';
    this.#array = this.doc.getArray(`writer ${index}`);
    this.#tombs = this.doc.getArray(`deleted ${index}`);
    if (this.kind === 'native') {
      this.#client = new SyncClient({ url });
      this.#client.on(
        'status',
        ({ error }) => void (error !== null && this.told.push(`${error.code}: ${error.reason}`)),
      );
      this.handle = this.#client.open(this.name, { doc: this.doc });
    } else if (this.kind === 'y-websocket') {
      this.#provider = stockProvider(url, this.name, this.doc);
      this.#provider.on('connection-close', (event: CloseEvent | null) => void this.told.push(event?.reason ?? ''));
    } else {
      this.#hocuspocus = new HocuspocusClient(4, { url, name: this.name, doc: this.doc });
      const { provider } = this.#hocuspocus;
      provider.on('close', ({ event }: { event: { reason: string } }) => void this.told.push(event.reason));
      provider.on('unsyncedChanges', () => provider.hasUnsyncedChanges || (this.#shownAsSaved = this.made));
    }
  }

  type(): void {
    this.doc.transact(() => {
      this.made += 1;
      this.#array.push([this.made]);
      this.#tombs.push([this.made]);
      if (this.#tombs.length > 1) this.#tombs.delete(0, 1);
    });
  }

  /** How many of its edits were shown as durable; 0 for y-websocket, which has no word for it. */
  get acknowledged(): number {
    return this.handle === null ? this.#shownAsSaved : this.made - this.handle.status.pending.updates;
  }

  get isConnected(): boolean {
    if (this.handle !== null) return this.handle.status.synced;
    return this.#provider?.synced ?? this.#hocuspocus?.isSynced ?? false;
  }

  offline(): void {
    this.#client?.disconnect();
    this.#provider?.disconnect();
    this.#hocuspocus?.socket.disconnect();
  }

  online(): void {
    this.#client?.connect();
    this.#provider?.connect();
    this.#hocuspocus?.goOnline();
  }

  end(): void {
    this.#client?.destroy();
    if (this.#provider !== null) endProvider(this.#provider);
    this.#hocuspocus?.destroy();
  }

  /** Numbers 1 to n, with nothing missing, twice or out of order; returns n. */
  countIn(doc: Y.Doc): number {
    const numbers = doc.getArray<number>(`writer ${this.#index}`).toArray();
    assert.ok(
      numbers.every((value, at) => value === at + 1),
      `writer ${this.#index}: every edit once, in order`,
    );
    const left = doc.getArray<number>(`deleted ${this.#index}`).toArray();
    assert.equal(left, numbers.length === 0 ? [] : [numbers.length], `writer ${this.#index}: its deletions`);
    return numbers.length;
  }
}

/** Twenty of them, five on each document. */
export function writersAt(url: string): Writer[] {
  return Array.from({ length: documents.length * kinds.length }, (_, index) => new Writer(url, index));
}

export async function whileTyping(writers: readonly Writer[], random: Random, run: () => Promise<void>): Promise<void> {
  let going = true;
  const typing = (async () => {
    while (going) {
      for (const writer of writers) if (random() < 0.5) writer.type();
      await pass(typeEveryMs);
    }
  })();
  try {
    await run();
  } finally {
    going = false;
    await typing;
  }
}

/** Reads every document, in these ways, and fails where something is missing that was shown as durable. */
export async function checkAcknowledged(
  url: string,
  writers: readonly Writer[],
  acknowledged: readonly number[],
  ways: readonly (keyof typeof readers)[],
  where: string,
): Promise<void> {
  for (const way of ways) {
    const docs = new Map(
      await Promise.all(documents.map(async (name) => [name, await readers[way](url, name)] as const)),
    );
    for (const [index, writer] of writers.entries()) {
      const doc = docs.get(writer.name);
      assert.ok(doc !== undefined);
      const [count, promised] = [writer.countIn(doc), acknowledged[index] ?? 0];
      const text = `${where}, ${way}: writer ${index} (${writer.kind}) has ${count} of ${promised} acknowledged edits`;
      assert.ok(count >= promised, text);
    }
    for (const doc of docs.values()) Y.applyUpdate(new Y.Doc(), Y.encodeStateAsUpdate(doc));
  }
}

/** All writers are alive: what was not acknowledged arrives now, from every dialect, and everybody has the same. */
export async function checkEverythingArrives(url: string, writers: readonly Writer[]): Promise<void> {
  await Promise.all(writers.flatMap(({ handle }) => (handle === null ? [] : handle.whenSaved({ tier: 'server' }))));
  for (const name of documents) {
    const here = writers.filter((writer) => writer.name === name);
    await until(`every edit in ${name}`, async () => {
      const doc = await readers.http(url, name);
      return here.every((writer) => writer.countIn(doc) === writer.made);
    });
    for (const doc of await Promise.all(Object.values(readers).map((read) => read(url, name)))) {
      for (const writer of here) {
        await until('the writer to have what the relay has', () => sameContent(doc, writer.doc));
      }
    }
  }
}

export const sum = (numbers: readonly number[]): number => numbers.reduce((total, each) => total + each, 0);
