/**
 * What every `DocumentLog` must do, whoever writes it: run it with a factory of your own. Titles begin with the promise
 * of DESIGN section 3 that they are about, where there is one.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

import type { DocumentLog, Head } from '../../src/log/document-log.ts';
import { accepted, append, compact, entries, entry, headOf, refusalOf, refusedWith, rejection, snapshotAt } from './log-fixtures.ts';

/** A log to test; each test gets a new and empty one. */
export interface LogUnderTest {
  readonly log: DocumentLog;
  /** Closes it and opens what it stored again; left out by a log that keeps nothing. */
  readonly reopen?: () => Promise<DocumentLog>;
  /** Removes what the test left. */
  readonly dispose: () => Promise<void>;
}

/** Names that break naive keys. */
const oddNames = ['__proto__', 'constructor', '../x', '/', '.', '\u0000', 'a\u0000b', 'Ω≈ç√', '👩‍👩‍👧', '\ufeffbom', ' ', 'x'.repeat(512)];

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Registers and runs the suite. */
export function documentLogContract(title: string, factory: () => Promise<LogUnderTest>): void {
  const test = suite(`DocumentLog: ${title}`);

  const promise = (what: string, run: (log: DocumentLog, under: LogUnderTest) => Promise<void>): void => {
    test(what, async () => {
      const under = await factory();
      try {
        await run(under.log, under);
      } finally {
        await under.dispose();
      }
    });
  };

  promise('a name never used has no head, no entries and no snapshot', async (log) => {
    assert.is(await log.head('new'), null);
    assert.equal(await log.read('new', 0), []);
    assert.is(await log.snapshot('new'), null);
    assert.equal(await log.quarantined('new'), []);
    assert.is(await log.delete('new'), false);
  });

  promise('D1 what was appended is read back as it was, in order, from any point', async (log) => {
    const written = [...entries(1, 5), ...entries(6, 1), ...entries(7, 4)];
    await append(log, 'doc', written.slice(0, 5));
    await append(log, 'doc', written.slice(5, 6));
    await append(log, 'doc', written.slice(6));
    for (let after = 0; after <= written.length + 2; after += 1) {
      const expected = written.map((each, index) => ({ seq: index + 1, ...each })).slice(after);
      assert.equal(await log.read('doc', after), expected, `after ${after}`);
    }
  });

  promise('the head tells entries, bytes and times', async (log) => {
    const head = await append(log, 'doc', entries(1, 3, 10));
    assert.match(head.epoch, /^[0-9a-f]{16}$/);
    assert.match(head.logId, /^[0-9a-f]{16}$/);
    const { name, lastSeq, firstSeq, snapshotSeq, tailBytes, snapshotBytes, updatedAt, deletedAt } = head;
    assert.equal(
      { name, lastSeq, firstSeq, snapshotSeq, tailBytes, snapshotBytes, updatedAt, deletedAt },
      { name: 'doc', lastSeq: 3, firstSeq: 1, snapshotSeq: 0, tailBytes: 30, snapshotBytes: 0, updatedAt: entry(3).time, deletedAt: null },
    );
    assert.equal(await log.head('doc'), head);
    const next = await append(log, 'doc', [entry(4, 5)]);
    assert.equal(next, { ...head, lastSeq: 4, tailBytes: 35, updatedAt: entry(4).time });
  });

  promise('one append writes many documents, and the same one more than once', async (log) => {
    const results = await log.append([
      { name: 'a', epoch: null, entries: entries(1, 2) },
      { name: 'b', epoch: null, entries: entries(3, 1) },
      { name: 'a', epoch: null, entries: entries(4, 1) },
    ]);
    assert.equal(results.map((result) => accepted(result).lastSeq), [2, 1, 3]);
    assert.equal((await log.read('a', 0)).map(({ update }) => update), [entry(1), entry(2), entry(4)].map(({ update }) => update));
    assert.is.not(accepted(results[0]).epoch, accepted(results[1]).epoch);
  });

  promise('what the caller does with its bytes afterwards changes nothing', async (log) => {
    const added = entry(1);
    await append(log, 'doc', [added]);
    added.update.fill(0xee);
    assert.equal((await log.read('doc', 0))[0]?.update, entry(1).update);
  });

  promise('updates of one byte and of two megabytes, and empty and long authors, come back', async (log) => {
    const long = 'ü'.repeat(64);
    const written = [
      { time: 0, user: '', device: '', update: Uint8Array.of(7) },
      { time: 1.5, user: long, device: '', update: new Uint8Array(2_000_000).fill(3) },
      { time: 1.5, user: long, device: long, update: new Uint8Array(0) },
    ];
    await append(log, 'doc', written);
    assert.equal(await log.read('doc', 0), written.map((each, index) => ({ seq: index + 1, ...each })));
  });

  promise('C6 an append for another epoch is refused, alone', async (log) => {
    const head = await append(log, 'doc', entries(1, 1));
    const results = await log.append([
      { name: 'doc', epoch: 'ffffffffffffffff', entries: entries(2, 1) },
      { name: 'doc', epoch: head.epoch, entries: entries(3, 1) },
      { name: 'unknown', epoch: head.epoch, entries: entries(4, 1) },
      { name: 'other', epoch: null, entries: entries(5, 1) },
    ]);
    assert.equal(results.map(refusedWith), ['TW_EPOCH_MISMATCH', null, 'TW_EPOCH_MISMATCH', null]);
    assert.is((await log.head('doc'))?.lastSeq, 2);
    assert.is(await log.head('unknown'), null);
  });

  promise('names are any Unicode up to 512 bytes and do not touch each other', async (log) => {
    for (const [index, name] of oddNames.entries()) await append(log, name, entries(index, 1));
    for (const [index, name] of oddNames.entries()) {
      assert.equal((await log.read(name, 0)).map(({ update }) => update), [entry(index).update], JSON.stringify(name));
    }
  });

  promise('names that are empty, too long or not Unicode are refused', async (log) => {
    for (const name of ['', 'x'.repeat(513), 'ü'.repeat(257), '\ud800', 'a\udc00']) {
      assert.is(refusedWith((await log.append([{ name, epoch: null, entries: entries(1, 1) }]))[0]), 'TW_INVALID_NAME');
      assert.is(await refusalOf(() => log.create(name)), 'TW_INVALID_NAME');
      assert.is(await refusalOf(() => log.head(name)), 'TW_INVALID_NAME');
    }
  });

  promise('list pages through living documents in order of their bytes', async (log) => {
    const names = [...oddNames, ...Array.from({ length: 300 }, (_, index) => `n${index}`)];
    await log.append(names.map((name) => ({ name, epoch: null, entries: entries(1, 1) })));
    await log.delete('n5');
    const expected = names.filter((name) => name !== 'n5').sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    for (const limit of [1, 7, 400]) {
      const listed: Head[] = [];
      for (let after: string | null = null; ; ) {
        const page = await log.list({ after, limit });
        listed.push(...page);
        const last = page.at(-1);
        if (page.length < limit || last === undefined) break;
        after = last.name;
      }
      assert.equal(listed.map(({ name }) => name), expected, `limit ${limit}`);
    }
    assert.equal((await log.list({ after: null, limit: 1000 }))[0], await log.head(expected[0] ?? ''));
  });

  promise('create makes an empty document once', async (log) => {
    const head = await log.create('doc');
    assert.equal([head.lastSeq, head.firstSeq, head.deletedAt], [0, 1, null]);
    assert.is(await refusalOf(() => log.create('doc')), 'TW_DOCUMENT_EXISTS');
    assert.is((await append(log, 'doc', entries(1, 1))).epoch, head.epoch);
  });

  promise('C6 a deleted document leaves a tombstone that refuses appends', async (log) => {
    const head = await append(log, 'doc', entries(1, 3));
    await compact(log, 'doc', 2);
    assert.is(await log.delete('doc'), true);
    assert.is(await log.delete('doc'), false);
    const tombstone = await log.head('doc');
    assert.ok(tombstone !== null && tombstone.deletedAt !== null && tombstone.epoch === head.epoch);
    assert.equal([tombstone.lastSeq, tombstone.snapshotBytes, tombstone.tailBytes], [0, 0, 0]);
    assert.equal(await log.read('doc', 0), []);
    assert.is(await log.snapshot('doc'), null);
    for (const epoch of [null, head.epoch]) {
      assert.is(refusedWith((await log.append([{ name: 'doc', epoch, entries: entries(4, 1) }]))[0]), 'TW_DOCUMENT_DELETED');
    }
  });

  promise('C6 a document created over a tombstone has nothing of its predecessor', async (log) => {
    const before = await append(log, 'doc', entries(1, 3));
    await compact(log, 'doc', 2);
    await log.delete('doc');
    const created = await log.create('doc');
    assert.is.not(created.epoch, before.epoch);
    assert.is.not(created.logId, before.logId);
    assert.equal(await log.read('doc', 0), []);
    assert.is(await log.snapshot('doc'), null);
    await append(log, 'doc', entries(9, 1));
    assert.equal((await log.read('doc', 0)).map(({ seq, update }) => ({ seq, update })), [{ seq: 1, update: entry(9).update }]);
    assert.is(refusedWith((await log.append([{ name: 'doc', epoch: before.epoch, entries: entries(4, 1) }]))[0]), 'TW_EPOCH_MISMATCH');
  });

  promise('D3 a compaction puts a snapshot in place of entries, whatever its size', async (log) => {
    await append(log, 'doc', entries(1, 10, 100));
    let from = 0;
    for (const [seq, bytes] of [[2, 1], [4, 65_529], [5, 65_536], [7, 300_000], [9, 10]] as const) {
      const { epoch } = accepted((await log.append([{ name: 'doc', epoch: null, entries: [] }]))[0]);
      const snapshot = snapshotAt(seq, bytes);
      const head = await log.compact('doc', { snapshot, from: { epoch, snapshotSeq: from }, keepFrom: seq + 1, quarantined: [] });
      assert.equal([head.snapshotSeq, head.snapshotBytes, head.firstSeq, head.tailBytes], [seq, bytes, seq + 1, 100 * (10 - seq)]);
      assert.equal(await log.snapshot('doc'), snapshot);
      assert.equal((await log.read('doc', seq)).map((each) => each.seq), Array.from({ length: 10 - seq }, (_, index) => seq + 1 + index));
      from = seq;
    }
  });

  promise('raw entries are kept from keepFrom on, and reading before them is an error', async (log) => {
    for (let at = 1; at <= 20; at += 5) await append(log, 'doc', entries(at, 5));
    const head = await compact(log, 'doc', 15, 8);
    assert.equal([head.firstSeq, head.snapshotSeq, head.lastSeq, head.tailBytes], [8, 15, 20, 40]);
    assert.equal((await log.read('doc', 7)).map(({ update }) => update), entries(8, 13).map(({ update }) => update));
    assert.equal((await log.read('doc', 15)).map(({ seq }) => seq), [16, 17, 18, 19, 20]);
    for (const after of [0, 6]) {
      assert.instance(await rejection(() => log.read('doc', after)), RangeError, `after ${after}`);
    }
    assert.is((await compact(log, 'doc', 20, 3)).firstSeq, 8, 'what was dropped does not come back');
  });

  promise('entries set aside are kept with their reason and are not read again', async (log) => {
    await append(log, 'doc', entries(1, 6));
    const [, second, , fourth] = await log.read('doc', 0);
    if (second === undefined || fourth === undefined) throw new Error('entries are missing');
    const { epoch } = await headOf(log, 'doc');
    const quarantined = [{ ...second, reason: 'it throws' }, { ...fourth, reason: '' }];
    await log.compact('doc', { snapshot: snapshotAt(4), from: { epoch, snapshotSeq: 0 }, keepFrom: 5, quarantined });
    assert.equal(await log.quarantined('doc'), quarantined);
    assert.equal((await log.read('doc', 4)).map(({ seq }) => seq), [5, 6]);
    await compact(log, 'doc', 6);
    assert.equal(await log.quarantined('doc'), quarantined, 'they survive later compactions');
  });

  promise('a compaction that started from another state is refused and changes nothing', async (log) => {
    await append(log, 'doc', entries(1, 4));
    const { epoch } = await headOf(log, 'doc');
    const compaction = { snapshot: snapshotAt(3), from: { epoch, snapshotSeq: 0 }, keepFrom: 4, quarantined: [] };
    await log.compact('doc', { ...compaction, snapshot: snapshotAt(2), keepFrom: 3 });
    const head = await log.head('doc');
    assert.is(await refusalOf(() => log.compact('doc', compaction)), 'TW_INTERNAL');
    assert.is(await refusalOf(() => log.compact('doc', { ...compaction, from: { epoch: '0'.repeat(16), snapshotSeq: 2 } })), 'TW_EPOCH_MISMATCH');
    assert.is(await refusalOf(() => log.compact('nobody', compaction)), 'TW_NOT_FOUND');
    assert.equal(await log.head('doc'), head);
    assert.equal(await log.snapshot('doc'), snapshotAt(2));
    await log.delete('doc');
    assert.is(await refusalOf(() => log.compact('doc', compaction)), 'TW_DOCUMENT_DELETED');
  });

  promise('a compaction never drops what its snapshot does not contain', async (log) => {
    await append(log, 'doc', entries(1, 4));
    const { epoch } = await headOf(log, 'doc');
    const from = { epoch, snapshotSeq: 0 };
    for (const [seq, keepFrom] of [[2, 4], [5, 6], [0, 1], [2, 0]] as const) {
      await rejection(() => log.compact('doc', { snapshot: snapshotAt(seq), from, keepFrom, quarantined: [] }));
    }
    assert.is((await log.read('doc', 0)).length, 4);
  });

  promise('D3 appends while a compaction runs are kept, and reads see one state or the other', async (log) => {
    await append(log, 'doc', entries(1, 50));
    let stop = false;
    const append1 = async (): Promise<void> => {
      for (let at = 51; !stop; at += 1) {
        await append(log, 'doc', entries(at, 1));
        await turn();
      }
    };
    const read1 = async (): Promise<void> => {
      while (!stop) {
        const head = await headOf(log, 'doc');
        const read = await log.read('doc', head.snapshotSeq).catch((error: unknown) => {
          if (error instanceof RangeError) return null;
          throw error;
        });
        if (read !== null) assert.equal(read.map(({ seq }) => seq), read.map((_, index) => head.snapshotSeq + 1 + index));
        const snapshot = await log.snapshot('doc');
        if (snapshot !== null) assert.equal(snapshot.update, snapshotAt(snapshot.seq, 200_000).update);
        await turn();
      }
    };
    const compact1 = async (): Promise<void> => {
      for (let round = 0; round < 8; round += 1) {
        const { epoch, snapshotSeq, lastSeq } = await headOf(log, 'doc');
        await turn();
        await log.compact('doc', { snapshot: snapshotAt(lastSeq, 200_000), from: { epoch, snapshotSeq }, keepFrom: lastSeq + 1, quarantined: [] });
      }
      stop = true;
    };
    await Promise.all([append1(), read1(), compact1()]);
    const head = await headOf(log, 'doc');
    const rest = await log.read('doc', head.snapshotSeq);
    assert.equal(rest.map(({ update }) => update), entries(head.snapshotSeq + 1, rest.length).map(({ update }) => update));
    assert.is(head.snapshotSeq + rest.length, head.lastSeq);
    assert.is(head.tailBytes, 8 * rest.length);
  });

  promise('appends that are called at once are all kept in order', async (log) => {
    const heads = await Promise.all(Array.from({ length: 50 }, (_, index) => append(log, 'doc', entries(index, 1))));
    assert.equal(heads.map(({ lastSeq }) => lastSeq), Array.from({ length: 50 }, (_, index) => index + 1));
    assert.equal((await log.read('doc', 0)).map(({ update }) => update), entries(0, 50).map(({ update }) => update));
  });

  promise('a delete while a compaction runs wins, and nothing is left of the document', async (log) => {
    await append(log, 'doc', entries(1, 4));
    const { epoch } = await headOf(log, 'doc');
    const compaction = log
      .compact('doc', { snapshot: snapshotAt(4, 200_000), from: { epoch, snapshotSeq: 0 }, keepFrom: 5, quarantined: [] })
      .catch(() => null);
    const deleted = log.delete('doc');
    await compaction;
    assert.is(await deleted, true);
    assert.is.not((await log.head('doc'))?.deletedAt, null);
    assert.is(await log.snapshot('doc'), null);
  });

  promise('probe resolves while the storage works', async (log) => {
    await log.probe();
    assert.equal(await log.list({ after: null, limit: 10 }), []);
  });

  promise('D1 everything is there after closing and opening again', async (log, { reopen }) => {
    if (reopen === undefined) return;
    await append(log, 'tail', entries(1, 3));
    await append(log, 'compacted', entries(1, 9));
    await compact(log, 'compacted', 6, 4);
    await append(log, 'deleted', entries(1, 1));
    await log.delete('deleted');
    const names = ['tail', 'compacted', 'deleted'];
    const state = async (from: DocumentLog): Promise<unknown> =>
      Promise.all(
        names.map(async (name) => {
          const head = await headOf(from, name);
          return { head, entries: await from.read(name, head.firstSeq - 1), snapshot: await from.snapshot(name) };
        }),
      );
    const before = await state(log);
    const again = await reopen();
    assert.equal(await state(again), before);
    assert.is((await append(again, 'tail', entries(4, 1))).lastSeq, 4);
  });

  test.run();
}
