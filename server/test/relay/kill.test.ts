// @slow
// @timeout 240s
// Twenty people type, a third of them with the stock provider, and the relay's process is killed at random moments.
import { type DocumentHandle, SyncClient } from '@tideweave/client';
import { type Random, seededRandom } from '@tideweave/shared';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { WebsocketProvider } from 'y-websocket';
import * as Y from 'yjs';
import { withFolder } from '../support/folders.ts';
import { endProvider, readers, sameContent, stockProvider } from '../support/readers.ts';
import { RelayProcess, stablePort } from '../support/relay-process.ts';
import { pass, until } from '../support/wait.ts';

const rounds = 20;
const writersPerDocument = 5;
const documents = ['ada', 'berta/2', '__proto__', 'Δ delta'];
/** Longest time from the first acknowledgement of a round to the kill. */
const killWithinMs = 500;

/** Types numbers, one edit each, into an array of its own, and deletes some of them again: one edit each, too. */
class Writer {
  readonly doc: Y.Doc = new Y.Doc();
  readonly name: string;
  readonly handle: DocumentHandle | null;
  readonly provider: WebsocketProvider | null;
  readonly #client: SyncClient | null;
  readonly #array: Y.Array<number>;
  readonly #tombs: Y.Array<number>;
  made = 0;

  constructor(url: string, name: string, index: number, native: boolean) {
    this.name = name;
    this.#array = this.doc.getArray(`writer ${index}`);
    this.#tombs = this.doc.getArray(`deleted ${index}`);
    this.#client = native ? new SyncClient({ url }) : null;
    this.handle = this.#client?.open(name, { doc: this.doc }) ?? null;
    this.provider = native ? null : stockProvider(url, name, this.doc);
  }

  get key(): string {
    return this.#array.length === 0 ? '' : String(this.#array.get(0));
  }

  type(): void {
    this.doc.transact(() => {
      this.made += 1;
      this.#array.push([this.made]);
      this.#tombs.push([this.made]);
      if (this.#tombs.length > 1) this.#tombs.delete(0, 1);
    });
  }

  /** How many of its edits were acknowledged as durable. Null for the stock provider, which has no word for it. */
  get acknowledged(): number | null {
    return this.handle === null ? null : this.made - this.handle.status.pending.updates;
  }

  offline(): void {
    this.#client?.disconnect();
    this.provider?.disconnect();
  }

  online(): void {
    this.#client?.connect();
    this.provider?.connect();
  }

  end(): void {
    this.#client?.destroy();
    if (this.provider !== null) endProvider(this.provider);
  }
}

/** Numbers 1 to n, with nothing missing, twice or out of order; returns n. */
function countOf(doc: Y.Doc, index: number): number {
  const numbers = doc.getArray<number>(`writer ${index}`).toArray();
  assert.ok(
    numbers.every((value, at) => value === at + 1),
    `writer ${index}: every edit once, in order`,
  );
  const left = doc.getArray<number>(`deleted ${index}`).toArray();
  assert.equal(left, numbers.length === 0 ? [] : [numbers.length], `writer ${index}: its deletions`);
  return numbers.length;
}

async function whileTyping(writers: readonly Writer[], random: Random, run: () => Promise<void>): Promise<void> {
  let going = true;
  const typing = (async () => {
    while (going) {
      for (const writer of writers) if (random() < 0.5) writer.type();
      await pass(5);
    }
  })();
  try {
    await run();
  } finally {
    going = false;
    await typing;
  }
}

test('D1 D2 L1 kill -9 under twenty writers, twenty times: every acknowledged edit is there, and the rest arrives', async () => {
  const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
  console.log(`seed ${seed}`);
  const random = seededRandom(seed);
  await withFolder(async (folder) => {
    const port = await stablePort(random);
    let relay = await RelayProcess.start(folder, { port });
    const writers = documents.flatMap((name, document) =>
      Array.from({ length: writersPerDocument }, (_, at) => {
        const index = document * writersPerDocument + at;
        return new Writer(relay.url, name, index, at % 3 !== 2);
      }),
    );
    let acknowledgedInAll = 0;
    let unacknowledgedAtKill = 0;
    try {
      for (let round = 1; round <= rounds; round += 1) {
        const before = writers.map(({ acknowledged }) => acknowledged ?? 0);
        await whileTyping(writers, random, async () => {
          await until('an acknowledgement in this round', () =>
            writers.some(({ acknowledged }, at) => (acknowledged ?? 0) > (before[at] ?? 0)),
          );
          await pass(random() * killWithinMs);
          await relay.kill();
          // What the relay said before it died still arrives.
          await pass(20);
        });
        // Nobody who was there may help the relay to remember before it was asked.
        for (const writer of writers) writer.offline();
        const acknowledged = writers.map((writer) => writer.acknowledged);
        for (const [index, writer] of writers.entries()) {
          if (acknowledged[index] !== null) unacknowledgedAtKill += writer.made - (acknowledged[index] ?? 0);
        }
        relay = await RelayProcess.start(folder, { port });
        for (const [kind, read] of Object.entries(readers)) {
          const docs = await Promise.all(documents.map((name) => read(relay.url, name)));
          for (const [index, writer] of writers.entries()) {
            const doc = docs[documents.indexOf(writer.name)];
            assert.ok(doc !== undefined);
            const count = countOf(doc, index);
            const promised = acknowledged[index] ?? 0;
            assert.ok(
              count >= promised,
              `seed ${seed}, round ${round}, ${kind}: writer ${index} has ${count} of ${promised} acknowledged edits`,
            );
          }
          for (const doc of docs) Y.applyUpdate(new Y.Doc(), Y.encodeStateAsUpdate(doc));
        }
        for (const writer of writers) writer.online();
      }
      acknowledgedInAll = writers.reduce((sum, writer) => sum + (writer.acknowledged ?? 0), 0);

      // They are all alive: what was not acknowledged arrives now, from both dialects.
      await Promise.all(writers.flatMap(({ handle }) => (handle === null ? [] : handle.whenSaved({ tier: 'server' }))));
      for (const [document, name] of documents.entries()) {
        await until(`every edit in ${name}`, async () => {
          const doc = await readers.http(relay.url, name);
          return writers.every((writer, index) => writer.name !== name || countOf(doc, index) === writer.made);
        });
        const docs = await Promise.all(Object.values(readers).map((read) => read(relay.url, name)));
        for (const doc of docs) {
          const here = writers.slice(document * writersPerDocument, (document + 1) * writersPerDocument);
          for (const writer of here) {
            await until('the writer to have what the relay has', () => sameContent(doc, writer.doc));
          }
        }
      }
    } finally {
      for (const writer of writers) writer.end();
      await relay.kill();
    }
    const made = writers.reduce((sum, writer) => sum + writer.made, 0);
    console.log(
      `${rounds} rounds, ${made} edits, ${acknowledgedInAll} acknowledged to native clients, ` +
        `${unacknowledgedAtKill} under way when the relay was killed`,
    );
  });
});

test.run();
