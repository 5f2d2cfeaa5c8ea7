// @slow
/** Large transfers over a slow link, as the status shows them. */
import { once } from 'node:events';
import { type AddressInfo, type Socket, connect, createServer } from 'node:net';
import { Transform } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { DocumentStatus } from '@tideweave/client';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { OfflineWorld, until, within } from './offline-world.ts';

interface Context {
  world: OfflineWorld;
}

const test = suite<Context>('Offline transfers');

test.before.each(async (context) => {
  context.world = await OfflineWorld.begin();
});

test.after.each(({ world }) => world.end());

/** About 1.6 MB/s, each way. */
const chunkBytes = 16 * 1024;
const pauseMs = 10;

/** A slow wire to a port of this machine. */
async function slowLink(port: number): Promise<{ url: string; passedUp: () => number; close: () => void }> {
  let passedUp = 0;
  const sockets = new Set<Socket>();
  const slow = (passed: (bytes: number) => void): Transform =>
    new Transform({
      readableHighWaterMark: chunkBytes,
      writableHighWaterMark: chunkBytes,
      async transform(chunk: Buffer, _encoding, done) {
        for (let at = 0; at < chunk.length; at += chunkBytes) {
          await delay(pauseMs);
          passed(Math.min(chunkBytes, chunk.length - at));
          this.push(chunk.subarray(at, at + chunkBytes));
        }
        done();
      },
    });
  const server = createServer((near) => {
    const far = connect(port, '127.0.0.1');
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
    }
    near.pipe(slow((bytes) => (passedUp += bytes))).pipe(far);
    far.pipe(slow(() => undefined)).pipe(near);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`,
    passedUp: () => passedUp,
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

/** Text that no encoding makes small. */
const page = (n: number): string => `${n} ${'typed while away '.repeat(600)}`;

test('U3 U1 what was made while away, and what was missed, is counted in bytes on its way over a slow link', async ({
  world,
}) => {
  const store = await world.store();
  const offline = world.client({ store, connect: false });
  const writing = offline.open('document');
  for (let n = 0; n < 150; n++) writing.doc.getText('text').insert(0, page(n));
  await within('the device', writing.whenSaved({ tier: 'device' }));
  const { bytes } = writing.status.pending;
  assert.ok(bytes > 1_500_000, `${bytes} bytes wait`);
  assert.is(writing.status.upload, null, 'nothing is under way');
  offline.destroy();

  await world.online();
  const link = await slowLink(world.port);
  try {
    const client = world.client({ store, url: link.url });
    const handle = client.open('document');
    const seen: { status: DocumentStatus; passed: number }[] = [];
    handle.on('status', (status) => seen.push({ status, passed: link.passedUp() }));
    await within('the upload', handle.whenSaved({ tier: 'server' }));
    const uploads = seen.flatMap(({ status: { upload }, passed }) => (upload === null ? [] : [{ ...upload, passed }]));
    const steps = new Set(uploads.map(({ savedBytes }) => savedBytes));
    assert.ok(steps.size >= 4, `${steps.size} steps`);
    let before = 0;
    for (const { savedBytes, totalBytes, passed } of uploads) {
      assert.is(totalBytes, bytes);
      assert.ok(savedBytes >= before && savedBytes < totalBytes, `${savedBytes} after ${before} of ${totalBytes}`);
      // The same edits merged are a little smaller on the wire than their own bytes.
      assert.ok(savedBytes < passed * 1.05, `${savedBytes} are said to be saved where ${passed} passed`);
      before = savedBytes;
    }
    assert.is(handle.status.upload, null);
    assert.is(handle.status.pending.bytes, 0);
    client.destroy();

    const reader = world.client({ url: link.url });
    const reading = reader.open('document');
    const downloads: NonNullable<DocumentStatus['progress']>[] = [];
    reading.on('status', ({ progress }) => progress !== null && downloads.push(progress));
    await within('the download', reading.whenSynced());
    assert.ok(new Set(downloads.map(({ receivedBytes }) => receivedBytes)).size >= 4, 'it shows on its way');
    assert.ok(downloads.every(({ receivedBytes, totalBytes }) => receivedBytes <= totalBytes));
    await until('the progress to be over', () => reading.status.progress === null);
  } finally {
    link.close();
  }
});

test.run();
