// @slow
// @alone
// A backup of a relay that is written to all the time, restored elsewhere, with clients that have seen more.
import { SyncClient } from '@tideweave/client';
import { seededRandom } from '@tideweave/shared';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { join } from 'node:path';
import * as Y from 'yjs';
import { runCommand } from '../support/command.ts';
import { withFolder } from '../support/folders.ts';
import { NativePeer } from '../support/native-peer.ts';
import { RelayProcess, stablePort } from '../support/relay-process.ts';
import { pass, until } from '../support/wait.ts';

const documents = 20;
/** What all writers together try to send; a machine that others use too takes what it can. */
const updatesPerSecond = 2000;
const burstEveryMs = 50;
const burst = (updatesPerSecond * burstEveryMs) / 1000 / documents;
const unacknowledgedMax = 2000;
/** What has to be acknowledged while the backup is taken for it to be one under load. */
const acknowledgedMin = 500;

/** Appends numbers to an array of its own, one update each, without waiting for acknowledgements. */
class LoadWriter {
  readonly name: string;
  readonly #document = new Y.Doc();
  readonly #peer: NativePeer;
  readonly #doc: number;
  sent = 0;
  acknowledged = 0;

  private constructor(name: string, peer: NativePeer, doc: number) {
    this.name = name;
    this.#peer = peer;
    this.#doc = doc;
  }

  static async open(url: string, name: string): Promise<LoadWriter> {
    const peer = await NativePeer.connect(url);
    const { doc } = await peer.open(name);
    return new LoadWriter(name, peer, doc);
  }

  write(): void {
    this.hear();
    if (this.sent - this.acknowledged > unacknowledgedMax) return;
    const array = this.#document.getArray('load');
    for (let count = 0; count < burst; count += 1) {
      const before = Y.encodeStateVector(this.#document);
      this.sent += 1;
      array.push([this.sent]);
      this.#peer.push(this.#doc, this.sent, Y.encodeStateAsUpdate(this.#document, before));
    }
  }

  hear(): void {
    for (const message of this.#peer.inbox.splice(0)) {
      if (message.type === 'ack') this.acknowledged = Math.max(this.acknowledged, message.n);
    }
  }

  end(): void {
    this.#peer.end();
  }
}

async function stored(http: string, name: string): Promise<Y.Doc> {
  const response = await fetch(`${http}/api/docs/${encodeURIComponent(name)}/update`);
  assert.is(response.status, 200, name);
  const document = new Y.Doc();
  Y.applyUpdate(document, new Uint8Array(await response.arrayBuffer()));
  return document;
}

/** A person at a real client; each edit is a number in an array of its own. */
class Person {
  readonly document = new Y.Doc();
  readonly name: string;
  readonly #key: string;
  readonly #client: SyncClient;
  readonly #handle;
  made = 0;

  constructor(url: string, name: string, index: number) {
    this.name = name;
    this.#key = `person ${index}`;
    this.#client = new SyncClient({ url });
    this.#handle = this.#client.open(name, { doc: this.document });
  }

  async type(edits: number): Promise<void> {
    for (let count = 0; count < edits; count += 1) {
      this.made += 1;
      this.document.getArray(this.#key).push([this.made]);
    }
    await this.#handle.whenSaved({ tier: 'server' });
  }

  isIn(document: Y.Doc): boolean {
    return document.getArray(this.#key).length === this.made;
  }

  end(): void {
    this.#client.destroy();
  }
}

test('O5 C7 a backup under load has every edit acknowledged before it began, and clients that have seen more heal the restored log', async () => {
  const random = seededRandom(Date.now() % 1_000_000);
  await withFolder(async (folder) => {
    const [data, copy, other] = ['data', 'backup', 'restored'].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ];
    const port = await stablePort(random);
    let relay = await RelayProcess.start(data, { port });
    const { url, http } = relay;
    const names = Array.from({ length: documents }, (_, index) => `load ${index}`);
    const writers = await Promise.all(names.map((name) => LoadWriter.open(url, name)));
    const people = names.slice(0, 3).map((name, index) => new Person(url, name, index));
    let loading = true;
    const load = (async () => {
      while (loading) {
        for (const writer of writers) writer.write();
        await pass(burstEveryMs);
      }
    })();
    const acknowledgedNow = (): number => writers.reduce((sum, { acknowledged }) => sum + acknowledged, 0);
    try {
      await Promise.all(people.map((person) => person.type(5)));
      await until('everybody to be acknowledged', () => writers.every(({ acknowledged }) => acknowledged > 50));

      const before = writers.map((writer) => {
        writer.hear();
        return writer.acknowledged;
      });
      const [startedAt, acknowledgedBefore] = [performance.now(), acknowledgedNow()];
      const taken = await runCommand('backup', copy, '--url', http, '--json');
      const seconds = (performance.now() - startedAt) / 1000;
      const during = acknowledgedNow() - acknowledgedBefore;
      assert.is(taken.code, 0, taken.error + taken.out);
      assert.equal((JSON.parse(taken.out) as { findings: unknown[] }).findings, []);
      console.log(
        `backup of ${documents} documents in ${seconds.toFixed(1)} s, ${during} updates acknowledged meanwhile: ${Math.round(during / seconds)}/s of ${updatesPerSecond}/s`,
      );
      // Fewer than that, and nothing would have been written while it read.
      assert.ok(during > acknowledgedMin, `only ${during} updates were acknowledged during the backup`);

      // Saved by the relay that is about to be lost, and not in the backup.
      await Promise.all(people.map((person) => person.type(7)));
      loading = false;
      await load;
      await relay.kill();
      const restored = await runCommand('restore', copy, '--data', other, '--json');
      assert.is(restored.code, 0, restored.error + restored.out);

      relay = await RelayProcess.start(other, { port });
      for (const [at, name] of names.entries()) {
        const numbers = (await stored(relay.http, name)).getArray('load').toArray();
        assert.ok(numbers.length >= (before[at] ?? Infinity), `${name}: ${numbers.length} of ${before[at]}`);
        assert.equal(
          numbers,
          numbers.map((_, index) => index + 1),
          name,
        );
      }
      for (const person of people) {
        await until('the log to heal', async () => person.isIn(await stored(relay.http, person.name)), 20_000);
      }
    } finally {
      loading = false;
      await load;
      for (const one of [...writers, ...people]) one.end();
      await relay.kill();
    }
  });
});

test.run();
