/**
 * What every `DocumentLog` must do, whoever writes it: run it with a factory of your own. Titles begin with the promise
 * of DESIGN section 3 that they are about.
 */
import { suite } from 'uvu';
import { setImmediate as nextTurn } from 'node:timers/promises';
import * as assert from 'uvu/assert';

import { readImage, sameImage } from '../../src/log/document-image.ts';
import type { DocumentImage, DocumentLog, Head } from '../../src/log/document-log.ts';
import { compactionPromises } from './compaction-promises.ts';
import { accepted, append, compact, entries, entry, headOf, refusalOf, refusedWith } from './log-fixtures.ts';

/** A log to test; each test gets a new and empty one. */
export interface LogUnderTest {
  readonly log: DocumentLog;
  /** Closes it and opens what it stored again; left out by a log that keeps nothing. */
  readonly reopen?: () => Promise<DocumentLog>;
  /** Removes what the test left. */
  readonly dispose: () => Promise<void>;
}

/** Names that break naive keys. */
const oddNames = [
  '__proto__',
  'constructor',
  '../x',
  '/',
  '.',
  '\u0000',
  'a\u0000b',
  'Ω≈ç√',
  '👩‍👩‍👧',
  '\ufeffbom',
  ' ',
  'x'.repeat(512),
];

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

  promise('D1 a name never used has no head, no entries and no snapshot', async (log) => {
    assert.is(await log.head('new'), null);
    assert.equal(await log.read('new', 0), []);
    assert.is(await log.snapshot('new'), null);
    assert.equal(await log.quarantined('new'), []);
    assert.is(await log.delete('new'), false);
  });

  promise('D1 S3 what was appended is read back as it was, in order, from any point', async (log) => {
    const written = [...entries(1, 5), ...entries(6, 1), ...entries(7, 4)];
    await append(log, 'doc', written.slice(0, 5));
    await append(log, 'doc', written.slice(5, 6));
    await append(log, 'doc', written.slice(6));
    for (let after = 0; after <= written.length + 2; after += 1) {
      const expected = written.map((each, index) => ({ seq: index + 1, ...each })).slice(after);
      assert.equal(await log.read('doc', after), expected, `after ${after}`);
    }
  });

  promise('D1 S4 the head tells entries, bytes and times', async (log) => {
    const head = await append(log, 'doc', entries(1, 3, 10));
    assert.match(head.epoch, /^[0-9a-f]{16}$/);
    assert.match(head.logId, /^[0-9a-f]{16}$/);
    const { name, lastSeq, firstSeq, snapshotSeq, tailBytes, snapshotBytes, updatedAt, deletedAt } = head;
    assert.equal(
      { name, lastSeq, firstSeq, snapshotSeq, tailBytes, snapshotBytes, updatedAt, deletedAt },
      {
        name: 'doc',
        lastSeq: 3,
        firstSeq: 1,
        snapshotSeq: 0,
        tailBytes: 30,
        snapshotBytes: 0,
        updatedAt: entry(3).time,
        deletedAt: null,
      },
    );
    assert.equal(await log.head('doc'), head);
    const next = await append(log, 'doc', [entry(4, 5)]);
    assert.equal(next, { ...head, lastSeq: 4, tailBytes: 35, updatedAt: entry(4).time });
  });

  promise('D1 S4 one append writes many documents, and the same one more than once', async (log) => {
    const results = await log.append([
      { name: 'a', epoch: null, entries: entries(1, 2) },
      { name: 'b', epoch: null, entries: entries(3, 1) },
      { name: 'a', epoch: null, entries: entries(4, 1) },
    ]);
    assert.equal(
      results.map((result) => accepted(result).lastSeq),
      [2, 1, 3],
    );
    assert.equal(
      (await log.read('a', 0)).map(({ update }) => update),
      [entry(1), entry(2), entry(4)].map(({ update }) => update),
    );
    assert.is.not(accepted(results[0]).epoch, accepted(results[1]).epoch);
  });

  promise('D1 what the caller does with its bytes afterwards changes nothing', async (log) => {
    const added = entry(1);
    await append(log, 'doc', [added]);
    added.update.fill(0xee);
    assert.equal((await log.read('doc', 0))[0]?.update, entry(1).update);
  });

  promise('D1 S3 updates of one byte and of two megabytes, and empty and long authors, come back', async (log) => {
    const long = 'ü'.repeat(64);
    const written = [
      { time: 0, user: '', device: '', update: Uint8Array.of(7) },
      { time: 1.5, user: long, device: '', update: new Uint8Array(2_000_000).fill(3) },
      { time: 1.5, user: long, device: long, update: new Uint8Array(0) },
    ];
    await append(log, 'doc', written);
    assert.equal(
      await log.read('doc', 0),
      written.map((each, index) => ({ seq: index + 1, ...each })),
    );
  });

  promise('C6 S8 an append for another epoch is refused, alone', async (log) => {
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

  promise('D1 S1 names are any Unicode up to 512 bytes and do not touch each other', async (log) => {
    for (const [index, name] of oddNames.entries()) await append(log, name, entries(index, 1));
    for (const [index, name] of oddNames.entries()) {
      assert.equal(
        (await log.read(name, 0)).map(({ update }) => update),
        [entry(index).update],
        JSON.stringify(name),
      );
    }
  });

  promise('U3 S1 names that are empty, too long or not Unicode are refused', async (log) => {
    for (const name of ['', 'x'.repeat(513), 'ü'.repeat(257), '\ud800', 'a\udc00']) {
      assert.is(refusedWith((await log.append([{ name, epoch: null, entries: entries(1, 1) }]))[0]), 'TW_INVALID_NAME');
      assert.is(await refusalOf(() => log.create(name)), 'TW_INVALID_NAME');
      assert.is(await refusalOf(() => log.head(name)), 'TW_INVALID_NAME');
    }
  });

  promise('D1 list pages through living documents in order of their bytes', async (log) => {
    const names = [...oddNames, ...Array.from({ length: 300 }, (_, index) => `n${index}`)];
    await log.append(names.map((name) => ({ name, epoch: null, entries: entries(1, 1) })));
    await log.delete('n5');
    const expected = names
      .filter((name) => name !== 'n5')
      .sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    for (const limit of [1, 7, 400]) {
      const listed: Head[] = [];
      for (let after: string | null = null; ;) {
        const page = await log.list({ after, limit });
        listed.push(...page);
        const last = page.at(-1);
        if (page.length < limit || last === undefined) break;
        after = last.name;
      }
      assert.equal(
        listed.map(({ name }) => name),
        expected,
        `limit ${limit}`,
      );
    }
    assert.equal((await log.list({ after: null, limit: 1000 }))[0], await log.head(expected[0] ?? ''));
  });

  promise('C6 create makes an empty document once', async (log) => {
    const head = await log.create('doc');
    assert.equal([head.lastSeq, head.firstSeq, head.deletedAt], [0, 1, null]);
    assert.is(await refusalOf(() => log.create('doc')), 'TW_DOCUMENT_EXISTS');
    assert.is((await append(log, 'doc', entries(1, 1))).epoch, head.epoch);
  });

  promise(
    'C6 D4 what is read while a document is deleted is there or gone, and never taken for damage',
    async (log) => {
      for (let at = 1; at <= 60; at += 3) await append(log, 'doc', entries(at, 3));
      let isDeleted = false;
      const deleted = log.delete('doc').finally(() => (isDeleted = true));
      while (!isDeleted) {
        const read = await log.read('doc', 0);
        assert.ok(read.length === 60 || read.length === 0, `${read.length} entries`);
        await Promise.all([log.snapshot('doc'), log.quarantined('doc')]);
        await nextTurn();
      }
      assert.is(await deleted, true);
      assert.is((await log.create('doc')).lastSeq, 0);
      assert.is((await append(log, 'doc', entries(1, 1))).lastSeq, 1, 'nothing is marked as damaged');
    },
  );

  promise('C6 S14 a deleted document leaves a tombstone that refuses appends', async (log) => {
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
      assert.is(
        refusedWith((await log.append([{ name: 'doc', epoch, entries: entries(4, 1) }]))[0]),
        'TW_DOCUMENT_DELETED',
      );
    }
  });

  promise('C6 S14 a document created over a tombstone has nothing of its predecessor', async (log) => {
    const before = await append(log, 'doc', entries(1, 3));
    await compact(log, 'doc', 2);
    await log.delete('doc');
    const created = await log.create('doc');
    assert.is.not(created.epoch, before.epoch);
    assert.is.not(created.logId, before.logId);
    assert.equal(await log.read('doc', 0), []);
    assert.is(await log.snapshot('doc'), null);
    await append(log, 'doc', entries(9, 1));
    assert.equal(
      (await log.read('doc', 0)).map(({ seq, update }) => ({ seq, update })),
      [{ seq: 1, update: entry(9).update }],
    );
    assert.is(
      refusedWith((await log.append([{ name: 'doc', epoch: before.epoch, entries: entries(4, 1) }]))[0]),
      'TW_EPOCH_MISMATCH',
    );
  });

  promise('D1 S4 appends that are called at once are all kept in order', async (log) => {
    const heads = await Promise.all(Array.from({ length: 50 }, (_, index) => append(log, 'doc', entries(index, 1))));
    assert.equal(
      heads.map(({ lastSeq }) => lastSeq),
      Array.from({ length: 50 }, (_, index) => index + 1),
    );
    assert.equal(
      (await log.read('doc', 0)).map(({ update }) => update),
      entries(0, 50).map(({ update }) => update),
    );
  });

  promise('D5 probe resolves while the storage works', async (log) => {
    await log.probe();
    assert.equal(await log.list({ after: null, limit: 10 }), []);
  });

  promise('D1 S6 everything is there after closing and opening again', async (log, { reopen }) => {
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

  compactionPromises(promise);
  promise('O5 C7 a restored document is what it was under another log id, and covers nothing', async (log, under) => {
    await append(log, 'from', entries(1, 6));
    await compact(log, 'from', 3, 2);
    await append(log, 'from', entries(7, 2));
    await log.create('empty');
    await append(log, 'buried', entries(1, 1));
    await log.delete('buried');
    assert.equal(await log.names({ after: null, limit: 9 }), ['buried', 'empty', 'from']);
    assert.equal(await log.names({ after: 'buried', limit: 1 }), ['empty']);
    const restored: DocumentImage[] = [];
    for (const name of ['buried', 'empty', 'from']) {
      const image = await readImage(log, name);
      if (image === null) throw new Error(name);
      assert.is(await refusalOf(() => log.restore(image)), 'TW_DOCUMENT_EXISTS', name);
      const renamed = { ...image, head: { ...image.head, name: `${name} again` } };
      const head = await log.restore(renamed);
      assert.is.not(head.logId, image.head.logId);
      restored.push(renamed);
    }
    const after = (await under.reopen?.()) ?? log;
    for (const image of restored) {
      const stored = await readImage(after, image.head.name);
      assert.ok(stored !== null && sameImage(stored, image), image.head.name);
    }
  });

  test.run();
}
