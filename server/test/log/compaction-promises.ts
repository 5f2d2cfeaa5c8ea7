/** The part of the contract of a `DocumentLog` that is about compaction. */
import * as assert from 'uvu/assert';

import type { DocumentLog } from '../../src/log/document-log.ts';
import { accepted, append, compact, entries, headOf, refusalOf, rejection, snapshotAt } from './log-fixtures.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Registers the promises with the suite. */
export function compactionPromises(promise: (what: string, run: (log: DocumentLog) => Promise<void>) => void): void {
  promise('D3 S11 a compaction puts a snapshot in place of entries, whatever its size', async (log) => {
    await append(log, 'doc', entries(1, 10, 100));
    let from = 0;
    for (const [seq, bytes] of [
      [2, 1],
      [4, 65_529],
      [5, 65_536],
      [7, 300_000],
      [9, 10],
    ] as const) {
      const { epoch } = accepted((await log.append([{ name: 'doc', epoch: null, entries: [] }]))[0]);
      const snapshot = snapshotAt(seq, bytes);
      const head = await log.compact('doc', {
        snapshot,
        from: { epoch, snapshotSeq: from },
        keepFrom: seq + 1,
        quarantined: [],
      });
      assert.equal(
        [head.snapshotSeq, head.snapshotBytes, head.firstSeq, head.tailBytes],
        [seq, bytes, seq + 1, 100 * (10 - seq)],
      );
      assert.equal(await log.snapshot('doc'), snapshot);
      assert.equal(
        (await log.read('doc', seq)).map((each) => each.seq),
        Array.from({ length: 10 - seq }, (_, index) => seq + 1 + index),
      );
      from = seq;
    }
  });

  promise('C4 S12 raw entries are kept from keepFrom on, and reading before them is an error', async (log) => {
    for (let at = 1; at <= 20; at += 5) await append(log, 'doc', entries(at, 5));
    const head = await compact(log, 'doc', 15, 8);
    assert.equal([head.firstSeq, head.snapshotSeq, head.lastSeq, head.tailBytes], [8, 15, 20, 40]);
    assert.equal(
      (await log.read('doc', 7)).map(({ update }) => update),
      entries(8, 13).map(({ update }) => update),
    );
    assert.equal(
      (await log.read('doc', 15)).map(({ seq }) => seq),
      [16, 17, 18, 19, 20],
    );
    for (const after of [0, 6]) {
      assert.instance(await rejection(() => log.read('doc', after)), RangeError, `after ${after}`);
    }
    assert.is((await compact(log, 'doc', 20, 3)).firstSeq, 8, 'what was dropped does not come back');
  });

  promise('L1 S13 entries set aside are kept with their reason and are not read again', async (log) => {
    await append(log, 'doc', entries(1, 6));
    const [, second, , fourth] = await log.read('doc', 0);
    if (second === undefined || fourth === undefined) throw new Error('entries are missing');
    const { epoch } = await headOf(log, 'doc');
    const quarantined = [
      { ...second, reason: 'it throws' },
      { ...fourth, reason: '' },
    ];
    await log.compact('doc', { snapshot: snapshotAt(4), from: { epoch, snapshotSeq: 0 }, keepFrom: 5, quarantined });
    assert.equal(await log.quarantined('doc'), quarantined);
    assert.equal(
      (await log.read('doc', 4)).map(({ seq }) => seq),
      [5, 6],
    );
    await compact(log, 'doc', 6);
    assert.equal(await log.quarantined('doc'), quarantined, 'they survive later compactions');
  });

  promise('D3 S11 a compaction that started from another state is refused and changes nothing', async (log) => {
    await append(log, 'doc', entries(1, 4));
    const { epoch } = await headOf(log, 'doc');
    const compaction = { snapshot: snapshotAt(3), from: { epoch, snapshotSeq: 0 }, keepFrom: 4, quarantined: [] };
    await log.compact('doc', { ...compaction, snapshot: snapshotAt(2), keepFrom: 3 });
    const head = await log.head('doc');
    assert.is(await refusalOf(() => log.compact('doc', compaction)), 'TW_INTERNAL');
    assert.is(
      await refusalOf(() => log.compact('doc', { ...compaction, from: { epoch: '0'.repeat(16), snapshotSeq: 2 } })),
      'TW_EPOCH_MISMATCH',
    );
    assert.is(await refusalOf(() => log.compact('nobody', compaction)), 'TW_NOT_FOUND');
    assert.equal(await log.head('doc'), head);
    assert.equal(await log.snapshot('doc'), snapshotAt(2));
    await log.delete('doc');
    assert.is(await refusalOf(() => log.compact('doc', compaction)), 'TW_DOCUMENT_DELETED');
  });

  promise('D3 S11 a compaction never drops what its snapshot does not contain', async (log) => {
    await append(log, 'doc', entries(1, 4));
    const { epoch } = await headOf(log, 'doc');
    const from = { epoch, snapshotSeq: 0 };
    for (const [seq, keepFrom] of [
      [2, 4],
      [5, 6],
      [0, 1],
      [2, 0],
    ] as const) {
      await rejection(() => log.compact('doc', { snapshot: snapshotAt(seq), from, keepFrom, quarantined: [] }));
    }
    assert.is((await log.read('doc', 0)).length, 4);
  });

  promise('D3 S10 appends while a compaction runs are kept, and reads see one state or the other', async (log) => {
    await append(log, 'doc', entries(1, 50));
    const run = { stop: false };
    const append1 = async (): Promise<void> => {
      for (let at = 51; !run.stop; at += 1) {
        await append(log, 'doc', entries(at, 1));
        await turn();
      }
    };
    const read1 = async (): Promise<void> => {
      while (!run.stop) {
        const head = await headOf(log, 'doc');
        const read = await log.read('doc', head.snapshotSeq).catch((error: unknown) => {
          if (error instanceof RangeError) return null;
          throw error;
        });
        if (read !== null)
          assert.equal(
            read.map(({ seq }) => seq),
            read.map((_, index) => head.snapshotSeq + 1 + index),
          );
        const snapshot = await log.snapshot('doc');
        if (snapshot !== null) assert.equal(snapshot.update, snapshotAt(snapshot.seq, 200_000).update);
        await turn();
      }
    };
    const compact1 = async (): Promise<void> => {
      for (let round = 0; round < 8; round += 1) {
        const { epoch, snapshotSeq, lastSeq } = await headOf(log, 'doc');
        await turn();
        await log.compact('doc', {
          snapshot: snapshotAt(lastSeq, 200_000),
          from: { epoch, snapshotSeq },
          keepFrom: lastSeq + 1,
          quarantined: [],
        });
      }
      run.stop = true;
    };
    await Promise.all([append1(), read1(), compact1()]);
    const head = await headOf(log, 'doc');
    const rest = await log.read('doc', head.snapshotSeq);
    assert.equal(
      rest.map(({ update }) => update),
      entries(head.snapshotSeq + 1, rest.length).map(({ update }) => update),
    );
    assert.is(head.snapshotSeq + rest.length, head.lastSeq);
    assert.is(head.tailBytes, 8 * rest.length);
  });

  promise('C6 S14 a delete while a compaction runs wins, and nothing is left of the document', async (log) => {
    await append(log, 'doc', entries(1, 4));
    const { epoch } = await headOf(log, 'doc');
    const compaction = log
      .compact('doc', {
        snapshot: snapshotAt(4, 200_000),
        from: { epoch, snapshotSeq: 0 },
        keepFrom: 5,
        quarantined: [],
      })
      .catch(() => null);
    const deleted = log.delete('doc');
    await compaction;
    assert.is(await deleted, true);
    assert.is.not((await log.head('doc'))?.deletedAt, null);
    assert.is(await log.snapshot('doc'), null);
  });
}
