// @slow
// Documents as JSON: what is exported comes back, again and again, and what JSON does not have is refused.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as Y from 'yjs';
import { documentOfJson, jsonOfDocument } from '../../src/content/json-document.worker.ts';
import { runCommand } from '../support/command.ts';
import { withFolder } from '../support/folders.ts';
import { withRelay } from '../support/relay.ts';
import { counts, load, report, storedDocument, withLog } from './sources.ts';

const seed = Number(process.env['TIDEWEAVE_SEED'] ?? Date.now() % 2 ** 31);
console.log(`TIDEWEAVE_SEED=${seed}`);

function built(json: string): Uint8Array {
  const { update, problem } = documentOfJson(json);
  if (update === null) throw new Error(problem);
  return update;
}

test('C2 any roots that JSON can have come out as they went in, and the same text is the same update', () => {
  const text = fc.string({ unit: 'grapheme' });
  const key = text.filter((name) => name !== '$yjs');
  const { value } = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom(null, true, false),
      text,
      fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => number + 0),
      fc.array(tie('value'), { maxLength: 5 }),
      fc.dictionary(key, tie('value'), { maxKeys: 5 }),
    ),
  }));
  // A root in which nothing is leaves no trace in a Yjs document.
  const root = fc.oneof(
    fc.string({ unit: 'grapheme', minLength: 1 }),
    fc.array(value, { minLength: 1, maxLength: 5 }),
    fc.dictionary(key, value, { minKeys: 1, maxKeys: 5 }),
  );
  fc.assert(
    fc.property(fc.dictionary(text, root, { maxKeys: 6 }), (roots) => {
      const json = JSON.stringify(roots);
      const update = built(json);
      assert.equal(JSON.parse(jsonOfDocument(update)), JSON.parse(json));
      assert.equal(built(json), update);
    }),
    { seed, numRuns: 300 },
  );
});

test('U3 export --format json and import are a round trip, with types by what the JSON has', async () => {
  await withFolder((folder) =>
    withRelay({ data: join(folder, 'relay') }, async ({ http }) => {
      const document = new Y.Doc();
      document.getText('body').insert(0, 'words “and” more');
      document.getMap('meta').set('title', 'A plan');
      document.getMap('meta').set('tags', Y.Array.from(['one', 2, null, { deep: [true] }]));
      document.getArray('cells').push([new Y.Map([['text', new Y.Text('inside')]]), 1.5]);
      document.getArray('cells').push(['gone']);
      document.getArray('cells').delete(2, 1);
      const sent = await fetch(`${http}/api/docs/plan/update`, {
        method: 'POST',
        body: new Uint8Array(Y.encodeStateAsUpdate(document)),
      });
      assert.is(sent.status, 200);

      const files = ['plan.json', 'again.json', 'stored.json'].map((name) => join(folder, name));
      const [file = '', again = '', stored = ''] = files;
      const exported = async (name: string, to: string): Promise<unknown> => {
        const done = await runCommand('export', name, '--format', 'json', '--output', to, '--url', http);
        assert.is(done.code, 0, done.error);
        return JSON.parse(await readFile(to, 'utf8'));
      };
      const first = await exported('plan', file);
      assert.equal(first, {
        body: 'words “and” more',
        cells: [{ text: 'inside' }, 1.5],
        meta: { tags: ['one', 2, null, { deep: [true] }], title: 'A plan' },
      });
      assert.equal(counts(await report(file, '--name', 'copy', '--url', http)), { imported: 1 });
      assert.equal(await exported('copy', again), first);
      assert.equal(counts(await report(file, '--name', 'copy', '--url', http)), { present: 1 }, 'again');

      const data = join(folder, 'data');
      const imported = await report(again, '--data', data);
      assert.equal([imported.exitCode, imported.kind, counts(imported)], [0, 'json', { imported: 1 }]);
      await withLog(data, async (log) => {
        const copy = await storedDocument(log, 'again');
        assert.is(copy.getText('body').toString(), 'words “and” more');
        const [cell, number] = copy.getArray('cells').toArray();
        assert.ok(cell instanceof Y.Map && typeof cell.get('text') === 'string');
        assert.is(number, 1.5);
        const tags = copy.getMap('meta').get('tags');
        assert.ok(tags instanceof Y.Array && tags.get(3) instanceof Y.Map);
      });

      await writeFile(stored, JSON.stringify({ body: 'other words' }));
      const other = await report(stored, '--name', 'copy', '--url', http);
      assert.equal([other.exitCode, counts(other)], [1, { conflict: 1 }], 'two histories are never merged');
      assert.equal(await exported('copy', again), first);
    }),
  );
});

test('U3 what JSON does not have is shown in an export, and refused by an import with its place', async () => {
  const document = new Y.Doc();
  document.getXmlFragment('page').insert(0, [new Y.XmlElement('p')]);
  const map = document.getMap<unknown>('map');
  map.set('bytes', Uint8Array.of(1, 2));
  map.set('nothing', undefined);
  map.set('huge', Infinity);
  map.set('big', 12n);
  map.set('xml', new Y.XmlText('text'));
  map.set('inner', new Y.Doc({ guid: 'an id' }));
  const json = jsonOfDocument(Y.encodeStateAsUpdate(document));
  assert.equal(JSON.parse(json), {
    map: {
      bytes: { $yjs: 'bytes', base64: 'AQI=' },
      nothing: { $yjs: 'undefined' },
      huge: { $yjs: 'number', text: 'Infinity' },
      big: { $yjs: 'bigint', text: '12' },
      xml: { $yjs: 'xml', text: 'text' },
      inner: { $yjs: 'document', guid: 'an id' },
    },
    page: { $yjs: 'xml', text: '<p></p>' },
  });
  const wrong: readonly (readonly [string, RegExp])[] = [
    [json, /^"map"\."\w+" is what JSON does not have \(\$yjs\): bring it as a Yjs update instead$/],
    ['{"page": {"$yjs": "xml", "text": "<p/>"}}', /^"page" is what JSON does not have/],
    ['{"a": [1, [{"b": [{"$yjs": 1}]}]]}', /^"a"\[1\]\[0\]\."b"\[0\] is what JSON does not have/],
    ['{"count": 3}', /^"count" is a number; a root is an object, an array or a string$/],
    ['{"none": null}', /^"none" is null; a root is/],
    ['[1, 2]', /^it is no object with root types by their names$/],
    ['"text"', /^it is no object/],
    ['{"secret": tru}', /^it is not JSON$/],
    ['', /^it is not JSON$/],
    ['{"a": [1e999]}', /^"a"\[0\] is larger than numbers are$/],
    [String.raw`{"a": "\ud800"}`, /^"a" has half a character/],
    [String.raw`{"a": {"\ud800": 1}}`, /half a character/],
  ];
  for (const [text, reason] of wrong) {
    const { update, problem } = documentOfJson(text);
    assert.is(update, null, text);
    assert.match(problem ?? '', reason);
  }
  await withFolder(async (folder) => {
    const data = join(folder, 'data');
    const file = join(folder, 'wrong.json');
    const deep = `{"a": ${'['.repeat(50_000)}${']'.repeat(50_000)}}`;
    for (const [text, reason] of [...wrong.slice(0, 1), [deep, /^it does not load \(RangeError\)$/] as const]) {
      await writeFile(file, text);
      const refused = await report(file, '--data', data);
      assert.equal([refused.exitCode, counts(refused)], [1, { quarantined: 1 }], text.slice(0, 80));
      assert.match(refused.findings[0]?.what ?? '', reason);
    }
    await withLog(data, async (log) => assert.equal(await log.names({ after: null, limit: 10 }), []));
  });
  assert.equal(load([built('{}')]).share.size, 0);
});

test.run();
