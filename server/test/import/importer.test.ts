// @slow
// What an import does with documents that are taken, damaged, huge or strange.
import { mkdir, readFile, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as Y from 'yjs';

import { forgedOverlaps, losingMaps } from '../compaction/poison.ts';
import { append } from '../log/log-fixtures.ts';
import { withFolder } from '../support/folders.ts';
import { withRelay } from '../support/relay.ts';
import {
  counts,
  documentOf,
  load,
  report,
  run,
  storedDocument,
  typed,
  withLog,
  writeSqlite,
  writeYLeveldb,
  type Documents,
} from './sources.ts';

const first = typed(1, (doc) => doc.getText('body').insert(0, 'first'));
const later = typed(2, (doc) => doc.getText('body').insert(5, ' and more'), first);
const foreign = typed(3, (doc) => doc.getText('body').insert(0, 'foreign'));
const textOf = (doc: Y.Doc): string => doc.getText('body').toString();

/** A folder to import, and one to import into. */
async function withFolders(documents: Documents, use: (source: string, data: string) => Promise<void>): Promise<void> {
  await withFolder(async (folder) => {
    const source = join(folder, 'db');
    await writeYLeveldb(source, documents);
    await use(source, join(folder, 'data'));
  });
}

async function seed(data: string, documents: Documents): Promise<void> {
  await withLog(data, async (log) => {
    for (const [name, updates] of documents) {
      await append(
        log,
        name,
        updates.map((update) => ({ time: 1, user: 'ada', device: 'laptop', update })),
      );
    }
  });
}

test('C3 C6 what is there is left as it is, unless it was asked for, and two histories are never merged', () =>
  withFolders(
    new Map([
      ['new', documentOf(1)],
      ['same', first],
      ['older here', [...first, ...later]],
      ['newer here', first],
      ['other', first],
    ]),
    async (source, data) => {
      await seed(
        data,
        new Map([
          ['same', first],
          ['older here', first],
          ['newer here', [...first, ...later]],
          ['other', foreign],
        ]),
      );
      const skipped = await report(source, '--data', data);
      assert.equal([skipped.exitCode, counts(skipped)], [1, { imported: 1, present: 2, conflict: 2 }]);
      assert.match(
        skipped.findings.find(({ document }) => document === 'older here')?.what ?? '',
        /--on-conflict merge/,
      );
      assert.match(
        skipped.findings.find(({ document }) => document === 'other')?.what ?? '',
        /would double their content/,
      );
      await withLog(data, async (log) => {
        assert.is(textOf(await storedDocument(log, 'older here')), 'first');
        assert.is(textOf(await storedDocument(log, 'other')), 'foreign');
      });

      const merged = await report(source, '--data', data, '--on-conflict', 'merge');
      assert.equal([merged.exitCode, counts(merged)], [1, { merged: 1, present: 3, conflict: 1 }]);
      await withLog(data, async (log) => {
        assert.is(textOf(await storedDocument(log, 'older here')), 'first and more');
        assert.is(textOf(await storedDocument(log, 'other')), 'foreign');
      });

      for (const expected of [{ imported: 1, present: 4 }, { present: 5 }]) {
        const renamed = await report(source, '--data', data, '--on-conflict', 'rename');
        assert.equal([renamed.exitCode, counts(renamed)], [0, expected]);
      }
      await withLog(data, async (log) => {
        assert.is(textOf(await storedDocument(log, 'other (imported)')), 'first');
        assert.is(textOf(await storedDocument(log, 'other')), 'foreign');
      });
    },
  ));

test('C6 two names of a URL that are one name here never become one document', () =>
  withFolders(
    new Map([
      ['a b', first],
      ['a%20b', foreign],
      ['100%', first],
    ]),
    async (source, data) => {
      const result = await report(source, '--data', data);
      assert.equal([result.exitCode, counts(result)], [1, { imported: 2, conflict: 1 }]);
      const raw = await report(source, '--data', `${data}-raw`, '--raw-names');
      assert.equal([raw.exitCode, counts(raw)], [0, { imported: 3 }]);
      await withLog(`${data}-raw`, async (log) => assert.is(textOf(await storedDocument(log, 'a%20b')), 'foreign'));
    },
  ));

test('C6 the same clocks with other content are a conflict, and a deleted document stays deleted', () =>
  withFolders(
    new Map([
      ['forked', typed(1, (doc) => doc.getText('body').insert(0, 'other'))],
      ['gone', first],
    ]),
    async (source, data) => {
      await seed(
        data,
        new Map([
          ['forked', first],
          ['gone', first],
        ]),
      );
      await withLog(data, (log) => log.delete('gone'));
      for (const choice of ['skip', 'merge'] as const) {
        const result = await report(source, '--data', data, '--on-conflict', choice);
        assert.equal([result.exitCode, counts(result)], [1, { conflict: 1, failed: 1 }]);
        assert.match(result.findings[0]?.what ?? '', /the same edits have other content here/);
        assert.match(result.findings[1]?.what ?? '', /it was deleted here/);
      }
    },
  ));

test('L1 D4 a document that cannot be decoded or applied is set aside with its bytes, and the others come in', () =>
  withFolders(
    new Map([
      ['bytes', [...first, Uint8Array.of(1, 2, 3)]],
      ['version 2', [Y.encodeStateAsUpdateV2(load([...first, ...later, ...foreign]))]],
      ['poison', [...losingMaps(), ...forgedOverlaps(1)]],
      ['waits', [...first, missing()]],
      ['nothing', [Uint8Array.of(0, 0)]],
      ['sound', documentOf(4)],
    ]),
    async (source, data) => {
      const result = await report(source, '--data', data);
      assert.equal([result.exitCode, counts(result)], [1, { imported: 1, empty: 1, quarantined: 4 }]);
      assert.match(result.findings.find(({ document }) => document === 'bytes')?.what ?? '', /1 of its 2 updates/);
      const files = (await readdir(join(data, 'aside'))).toSorted();
      assert.is(files.length, 4);
      const lines = (await readFile(join(data, 'aside', files[0] ?? ''), 'utf8')).trim().split('\n');
      assert.ok(lines.length > 1 && lines.every((line) => typeof JSON.parse(line) === 'object'));
      await withLog(data, async (log) => assert.is((await log.list({ after: null, limit: 10 })).length, 1));

      const salvaged = await report(source, '--data', data, '--salvage');
      assert.equal(counts(salvaged), { imported: 3, present: 1, empty: 1, quarantined: 1 });
      await withLog(data, async (log) => {
        assert.is(textOf(await storedDocument(log, 'bytes')), 'first');
        assert.is(textOf(await storedDocument(log, 'waits')), 'first');
        assert.equal(
          (await storedDocument(log, 'poison')).getMap('map').toJSON(),
          load(losingMaps()).getMap('map').toJSON(),
        );
      });
      assert.equal(counts(await report(source, '--data', data, '--salvage')), { present: 4, empty: 1, quarantined: 1 });
    },
  ));

/** The second of two edits, without the first. */
function missing(): Uint8Array {
  const updates = typed(7, (doc) => {
    doc.getText('body').insert(0, 'a');
    doc.getText('body').insert(1, 'b');
  });
  return updates[1] ?? new Uint8Array();
}

test('R3 L1 documents beyond the limits of an update come in as snapshots and are served', () =>
  withFolder(async (folder) => {
    const many = new Y.Doc();
    for (let client = 1; client <= 5000; client += 1) {
      Y.applyUpdate(
        many,
        typed(client, (doc) => doc.getMap('votes').set(String(client), client))[0] ?? new Uint8Array(),
      );
    }
    const roots = new Y.Doc();
    for (let root = 0; root < 200; root += 1) roots.getMap(`page ${root}`).set('title', root);
    const large = new Y.Doc();
    for (let at = 0; at < 30; at += 1) large.getText('body').insert(0, 'lorem ipsum '.repeat(10_000));
    const documents = { many, roots, large };
    const file = join(folder, 'db.sqlite');
    const data = join(folder, 'data');
    writeSqlite(file, new Map(Object.entries(documents).map(([name, doc]) => [name, Y.encodeStateAsUpdate(doc)])));
    const result = await report(file, '--data', data);
    assert.equal([result.exitCode, counts(result), result.findings], [0, { imported: 3 }, []]);
    await withRelay({ data }, async ({ http }) => {
      for (const [name, doc] of Object.entries(documents)) {
        const response = await fetch(`${http}/api/docs/${name}/update`);
        const served = load([new Uint8Array(await response.arrayBuffer())]);
        assert.equal(Y.encodeStateAsUpdate(served), Y.encodeStateAsUpdate(load([Y.encodeStateAsUpdate(doc)])), name);
      }
    });
  }));

test('C2 a running relay takes documents over HTTP, read back and compared like others', () =>
  withFolder(async (folder) => {
    const source = join(folder, 'db');
    const names = ['a/b', '../x', 'Größe', '.'];
    await writeYLeveldb(source, new Map(names.map((name, at) => [name, documentOf(at)])));
    await withRelay({ data: join(folder, 'data') }, async ({ http }) => {
      const result = await report(source, '--url', http);
      assert.equal([result.exitCode, counts(result)], [1, { imported: 3, failed: 1 }]);
      assert.match(result.findings[0]?.what ?? '', /no URL leads to this name/);
      assert.equal(counts(await report(source, '--url', http)), { present: 3, failed: 1 });
      const response = await fetch(`${http}/api/docs/${encodeURIComponent('../x')}/update`);
      assert.is(textOf(load([new Uint8Array(await response.arrayBuffer())])), textOf(load(documentOf(1))));
    });
  }));

test('U3 a dry run says the same and stores nothing, not even a folder', () =>
  withFolders(
    new Map([
      ['a', documentOf(1)],
      ['b', [Uint8Array.of(9)]],
    ]),
    async (source, data) => {
      const before = (await readdir(source)).toSorted();
      const dry = await report(source, '--data', data, '--dry-run');
      assert.equal([dry.exitCode, dry.dryRun, counts(dry)], [1, true, { imported: 1, quarantined: 1 }]);
      assert.is(await stat(data).catch(() => null), null);
      assert.equal((await readdir(source)).toSorted(), before);
      const { exitCode, out } = await run(source, '--data', data);
      assert.is(exitCode, 1);
      assert.match(out, /2 documents in .*db \(y-leveldb\); brought into .*data: 1 imported, 1 quarantined\n/);
      assert.match(
        out,
        /read back and are what the source has; digest [0-9a-f]{64}\n {2}document "b": 1 of its 1 update /,
      );
    },
  ));

test('U3 what is no source, a wrong table and a folder in use are one line each and exit code 2', () =>
  withFolder(async (folder) => {
    const data = join(folder, 'data');
    const file = join(folder, 'db.sqlite');
    writeSqlite(file, new Map([['row', 'text instead of bytes']]), 'docs');
    await writeFile(join(folder, 'text'), 'hello');
    await mkdir(join(folder, 'empty'));
    const mistakes: readonly (readonly [readonly string[], RegExp])[] = [
      [[join(folder, 'none')], /^tideweave: there is no .*none\n$/],
      [
        [join(folder, 'text')],
        /^tideweave: .*text is neither a folder of y-leveldb nor an SQLite file, nor does its name end in \.yjs or \.json\n$/,
      ],
      [[join(folder, 'empty')], /^tideweave: .*empty is a folder without a LevelDB database.*\n$/],
      [[file], /^tideweave: .* cannot be read: no such table: documents; --table names .*\n$/],
    ];
    for (const [args, line] of mistakes) {
      const { exitCode, out, error } = await run(...args, '--data', data);
      assert.equal([exitCode, out], [2, '']);
      assert.match(error, line);
    }
    const row = await report(file, '--table', 'docs', '--data', data);
    assert.equal([counts(row), row.findings[0]?.what], [{ quarantined: 1 }, 'its data is not a blob']);
    await withRelay({ data }, async () => {
      const { exitCode, error } = await run(file, '--table', 'docs', '--data', data);
      assert.is(exitCode, 2);
      assert.match(error, /is in use by a relay: stop it, or import into it with --url\n$/);
    });
    assert.is((await run(file, '--data', data, '--url', 'http://x')).exitCode, 2);
  }));

test.run();
