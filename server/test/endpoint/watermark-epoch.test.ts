// @slow
// How often a client is told which history it is in.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as Y from 'yjs';
import { NativePeer } from '../support/native-peer.ts';
import { memoryLog, withRelay } from '../support/relay.ts';

test('P106 the epoch is told once per opening: when it is opened, or when the history begins', async () => {
  await withRelay({ log: memoryLog() }, async ({ url }) => {
    const updates: Uint8Array[] = [];
    const doc = new Y.Doc();
    doc.on('update', (update: Uint8Array) => updates.push(update));
    for (const letter of 'ab') doc.getText('t').insert(0, letter);
    const [first, second] = updates;
    assert.ok(first !== undefined && second !== undefined);

    const author = await NativePeer.connect(url);
    const { doc: number, epoch } = await author.open('notes');
    assert.is(epoch, '', 'there is no history yet');
    await author.save(number, 1, first);
    const begun = await author.take('watermark');
    assert.is.not(begun.epoch, '');
    await author.save(number, 2, second);
    assert.is((await author.take('watermark')).epoch, '');

    const reader = await NativePeer.connect(url);
    assert.is((await reader.open('notes')).epoch, begun.epoch);
    assert.is((await reader.take('watermark')).epoch, '');
  });
});

test.run();
