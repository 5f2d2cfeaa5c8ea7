import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as Y from 'yjs';
import { hasBothSides } from '../../src/merge/both-sides.ts';
import { computeMergeReport } from '../../src/merge/merge-report.ts';
import type { MergeReport } from '../../src/merge/report-types.ts';
import { entryOf, Sides } from './sides.ts';

function reportOf(sides: Sides): MergeReport {
  const report = computeMergeReport(sides.input);
  assert.equal(report, computeMergeReport(sides.input), 'equal input, equal report');
  assert.equal(structuredClone(report), report);
  assert.equal(JSON.parse(JSON.stringify(report)), report);
  assert.ok(report.complete);
  return report;
}

const value = (of: unknown): unknown => ({ state: 'value', value: of });

function mapSides(options?: ConstructorParameters<typeof Sides>[1]): Sides {
  return new Sides((doc) => {
    const map = doc.getMap('m');
    map.set('a', 'base');
    map.set('b', 'base');
    map.set('c', 'base');
  }, options);
}

test('C2 a key that both set is reported with base, mine, theirs and who won', () => {
  for (const [mineId, theirsId, outcome] of [
    [20, 30, 'theirs'],
    [40, 30, 'mine'],
  ] as const) {
    const sides = mapSides({ mineId, theirsId });
    sides.mine.getMap('m').set('a', 'mine');
    sides.mine.getMap('m').set('b', 'only me');
    sides.theirs.getMap('m').set('a', 'theirs');
    sides.theirs.getMap('m').set('c', 'only they');
    const report = reportOf(sides);
    assert.equal(report.entries, [
      {
        kind: 'key',
        id: 'key "m" a',
        path: ['m', 'a'],
        by: [],
        type: { root: 'm' },
        of: 'map',
        key: 'a',
        base: value('base'),
        mine: value('mine'),
        theirs: value('theirs'),
        outcome,
      },
    ]);
    assert.is(sides.merged()[0].getMap('m').get('a'), outcome);
    assert.is(report.conflicts, 1);
  }
});

test('C2 a write of theirs that lost at once against what both sides had is no change of theirs', () => {
  const third = new Y.Doc();
  third.clientID = 5;
  third.getMap('m').set('a', 'third');
  const sides = mapSides();
  sides.mine.getMap('m').set('a', 'mine');
  Y.applyUpdate(sides.theirs, Y.encodeStateAsUpdate(third));
  assert.is(sides.theirs.getMap('m').get('a'), 'base');
  const theirs = [Y.encodeStateAsUpdate(third)];
  assert.equal(computeMergeReport({ ...sides.input, theirs }).entries, []);
  sides.theirs.getMap('m').set('a', 'theirs');
  assert.is(
    entryOf(computeMergeReport({ ...sides.input, theirs: [...theirs, ...sides.theirsUpdates] }).entries, 'key').outcome,
    'theirs',
  );
});

test('C2 a deletion, null, undefined and nothing are four things', () => {
  const sides = new Sides((doc) => doc.getMap('m').set('gone', 1), { mineId: 40 });
  const mine = sides.mine.getMap('m');
  const theirs = sides.theirs.getMap('m');
  mine.delete('gone');
  theirs.set('gone', null);
  mine.set('new', undefined);
  theirs.set('new', null);
  // Written and deleted again: it still took the key from them.
  mine.set('brief', 1);
  mine.delete('brief');
  theirs.set('brief', 2);
  const { entries } = reportOf(sides);
  const gone = entryOf(entries, 'key', ['m', 'gone']);
  assert.equal([gone.base, gone.mine, gone.theirs], [value(1), { state: 'deleted' }, value(null)]);
  assert.is(gone.outcome, 'theirs', 'Yjs deletes what was there, not what comes');
  const fresh = entryOf(entries, 'key', ['m', 'new']);
  assert.equal([fresh.base, fresh.mine], [{ state: 'absent' }, value({ $: 'undefined' })]);
  assert.is(fresh.outcome, 'mine');
  const brief = entryOf(entries, 'key', ['m', 'brief']);
  assert.equal([brief.mine, brief.theirs], [{ state: 'deleted' }, value(2)]);
  assert.is(brief.outcome, 'mine');
  assert.not.ok(sides.merged()[0].getMap('m').has('brief'));
});

test('C2 the same value from both sides is agreed, whatever the order of its keys', () => {
  const sides = mapSides();
  sides.mine.getMap('m').set('a', { x: 1, y: [2] });
  sides.theirs.getMap('m').set('a', { y: [2], x: 1 });
  sides.mine.getMap('m').delete('b');
  sides.theirs.getMap('m').delete('b');
  sides.mine.getMap('m').set('c', new Y.Map([['k', 1]]));
  sides.theirs.getMap('m').set('c', { k: 1 });
  const report = reportOf(sides);
  assert.is(report.agreed, 2);
  assert.is(report.conflicts, 1);
  assert.is(entryOf(report.entries, 'key', ['m', 'a']).outcome, 'agreed');
  assert.is(entryOf(report.entries, 'key', ['m', 'b']).outcome, 'agreed');
  assert.equal(entryOf(report.entries, 'key', ['m', 'c']).mine, value({ $: 'map', entries: { k: 1 } }));
});

test('C2 keys of nested maps are found by identity; paths are those after the merge', () => {
  const sides = new Sides((doc) => {
    doc.getArray('todos').push(['x', new Y.Map<unknown>([['title', 'milk']]), new Y.Map([['title', 'bread']])]);
  });
  const bread = (doc: Y.Doc, at: number): Y.Map<unknown> => doc.getArray<Y.Map<unknown>>('todos').get(at);
  bread(sides.mine, 2).set('title', 'rye bread');
  sides.theirs.getArray('todos').insert(0, ['first', 'second']);
  bread(sides.theirs, 4).set('title', 'white bread');
  bread(sides.theirs, 3).set('title', 'oat milk');
  const { entries } = reportOf(sides);
  assert.is(entries.length, 1);
  const entry = entryOf(entries, 'key', ['todos', 4, 'title']);
  assert.equal(
    [entry.base, entry.mine, entry.theirs].map((state) => 'value' in state && state.value),
    ['bread', 'rye bread', 'white bread'],
  );
  assert.ok('client' in entry.type && entry.type.client === 10);
});

test('C2 a text that both edited comes with both deltas and the merged text', () => {
  const sides = new Sides((doc) => doc.getText('t').insert(0, 'The quick fox'));
  sides.mine.getText('t').insert(4, 'very ');
  sides.mine.getText('t').format(0, 3, { bold: true });
  sides.theirs.getText('t').delete(10, 3);
  sides.theirs.getText('t').insert(10, 'dog');
  const { entries } = reportOf(sides);
  const entry = entryOf(entries, 'list', ['t']);
  assert.equal(entry.mine.ops, [{ retain: 3, attributes: { bold: true } }, { retain: 1 }, { insert: 'very ' }]);
  // YText types behind what it deleted at the same place.
  assert.equal(entry.theirs.ops, [{ retain: 10 }, { delete: 3 }, { insert: 'dog' }]);
  assert.equal(entry.merged.ops, sides.merged()[0].getText('t').toDelta());
  assert.is(entry.of, 'text');
  assert.is(entry.outcome, 'merged');
  assert.is(entries.length, 1);
});

test('C2 an array that both edited comes with lists of values; the same deletion on both sides is agreed', () => {
  const sides = new Sides((doc) => {
    doc.getArray('a').push([1, 2, 3, 4]);
    doc.getArray('b').push([1, 2, 3, 4]);
  });
  sides.mine.getArray('a').insert(4, [new Y.Array()]);
  sides.theirs.getArray('a').delete(1, 2);
  for (const doc of [sides.mine, sides.theirs]) doc.getArray('b').delete(1, 2);
  const report = reportOf(sides);
  const both = entryOf(report.entries, 'list', ['a']);
  assert.equal(both.mine.ops, [{ retain: 4 }, { insert: [{ $: 'array', items: [] }] }]);
  assert.equal(both.theirs.ops, [{ retain: 1 }, { delete: 2 }]);
  assert.equal(both.merged.ops, [{ insert: [1, 4, { $: 'array', items: [] }] }]);
  assert.is(entryOf(report.entries, 'list', ['b']).outcome, 'agreed');
  assert.is(report.agreed, 1);
});

test('C2 my edits in what they deleted are lost, gathered under the outermost deleted type', () => {
  const sides = new Sides((doc) => {
    const note = new Y.Map<unknown>([
      ['title', 'old'],
      ['body', new Y.Text('hello')],
      ['keep', 1],
    ]);
    doc.getMap('notes').set('n', new Y.Map<unknown>([['inner', note]]));
  });
  const inner = sides.mine.getMap<Y.Map<Y.Map<unknown>>>('notes').get('n')?.get('inner');
  inner?.set('title', 'new');
  inner?.delete('keep');
  (inner?.get('body') as Y.Text | undefined)?.insert(5, ' world');
  sides.theirs.getMap('notes').set('n', 'archived');
  const report = reportOf(sides);
  assert.is(report.entries.length, 1);
  const entry = entryOf(report.entries, 'lost', ['notes', 'n']);
  assert.equal([entry.side, entry.of, entry.key, entry.parent], ['mine', 'map', 'n', { root: 'notes' }]);
  assert.equal(entry.edits, [
    { kind: 'key', path: ['notes', 'n', 'inner', 'title'], key: 'title', base: value('old'), value: value('new') },
    {
      kind: 'list',
      path: ['notes', 'n', 'inner', 'body'],
      of: 'text',
      delta: { ops: [{ retain: 5 }, { insert: ' world' }], truncated: false },
    },
  ]);
  assert.equal(
    entry.value,
    value({
      $: 'map',
      entries: {
        inner: {
          $: 'map',
          entries: { body: { $: 'text', delta: [{ insert: 'hello world' }] }, title: 'new' },
        },
      },
    }),
  );
  assert.equal(entry.replacedBy, value('archived'));
});

test('C2 their edits in what I deleted are told too; deletions in what is deleted are nothing', () => {
  const sides = new Sides((doc) => {
    doc.getArray('todos').push([new Y.Map([['title', 'a']]), new Y.Map([['title', 'b']])]);
  });
  sides.mine.getArray('todos').delete(0, 2);
  const at = (index: number): Y.Map<unknown> => sides.theirs.getArray<Y.Map<unknown>>('todos').get(index);
  at(0).set('title', 'changed');
  at(1).delete('title');
  const { entries } = reportOf(sides);
  assert.is(entries.length, 1);
  const entry = entryOf(entries, 'lost', ['todos', 0]);
  assert.is(entry.side, 'theirs');
  assert.equal(entry.value, value({ $: 'map', entries: { title: 'changed' } }));
});

test('C2 an insertion amid text that they deleted is stranded', () => {
  const sides = new Sides((doc) => doc.getText('t').insert(0, 'hello cruel world'));
  sides.mine.getText('t').insert(9, 'XY');
  sides.mine.getText('t').insert(0, '> ');
  sides.theirs.getText('t').delete(5, 6);
  const { entries } = reportOf(sides);
  const entry = entryOf(entries, 'stranded', ['t']);
  assert.is(sides.merged()[0].getText('t').toJSON(), '> helloXY world');
  assert.equal([entry.side, entry.index], ['mine', 7]);
  assert.equal(
    entry.insertions.map(({ content }) => content.ops),
    [[{ insert: 'XY' }]],
  );
});

test('C2 an insertion at the end of text that they deleted altogether is stranded, one beside deleted text is not', () => {
  const all = new Sides((doc) => doc.getText('t').insert(0, 'gone'));
  all.mine.getText('t').insert(4, '!');
  all.theirs.getText('t').delete(0, 4);
  assert.is(entryOf(reportOf(all).entries, 'stranded').index, 0);
  const some = new Sides((doc) => doc.getText('t').insert(0, 'gone'));
  some.mine.getText('t').insert(4, '!');
  some.theirs.getText('t').delete(1, 3);
  assert.equal(
    reportOf(some).entries.map(({ kind }) => kind),
    ['list'],
  );
});

test('C2 XML attributes, children and texts are compared like the rest', () => {
  const sides = new Sides((doc) => {
    const paragraph = new Y.XmlElement('p');
    paragraph.setAttribute('align', 'left');
    paragraph.insert(0, [new Y.XmlText('some text')]);
    doc.getXmlFragment('x').insert(0, [paragraph]);
  });
  const paragraph = (doc: Y.Doc): Y.XmlElement => doc.getXmlFragment('x').get(0) as Y.XmlElement;
  paragraph(sides.mine).setAttribute('align', 'right');
  paragraph(sides.theirs).setAttribute('align', 'center');
  (paragraph(sides.mine).get(0) as Y.XmlText).insert(0, 'mine ');
  (paragraph(sides.theirs).get(0) as Y.XmlText).insert(9, ' theirs');
  sides.mine.getXmlFragment('x').insert(1, [new Y.XmlElement('hr')]);
  sides.theirs.getXmlFragment('x').insert(0, [new Y.XmlElement('h1')]);
  const { entries } = reportOf(sides);
  assert.is(entries.length, 3);
  assert.equal(entryOf(entries, 'key', ['x', 1, 'align']).theirs, value('center'));
  assert.equal(entryOf(entries, 'list', ['x', 1, 0]).merged.ops, [{ insert: 'mine some text theirs' }]);
  const list = entryOf(entries, 'list', ['x']);
  assert.is(list.of, 'xmlFragment');
  assert.equal(list.mine.ops, [{ retain: 1 }, { insert: [{ $: 'xmlElement', name: 'hr', children: [] }] }]);
});

test('C3 my own updates that came back are not theirs', () => {
  const sides = mapSides();
  sides.mine.getMap('m').set('a', 'mine');
  const { input } = sides;
  assert.not.ok(hasBothSides({ ...input, theirs: [...input.mine] }));
  assert.equal(computeMergeReport({ ...input, theirs: [...input.mine] }).entries, []);
  // They saw it and wrote over it: that is no conflict.
  for (const update of sides.mineUpdates) Y.applyUpdate(sides.theirs, update, 'remote');
  sides.theirs.getMap('m').set('a', 'after');
  const theirs = [Y.mergeUpdates([...input.mine, ...sides.theirsUpdates])];
  assert.equal(computeMergeReport({ ...input, theirs }).entries, []);
});

test('C2 where only one side changed there is nothing to compute and nothing to report', () => {
  const sides = mapSides();
  sides.mine.getMap('m').set('a', 'mine');
  assert.not.ok(hasBothSides(sides.input));
  const nothing = Uint8Array.of(0, 0);
  assert.not.ok(hasBothSides({ ...sides.input, theirs: [nothing] }));
  assert.not.ok(hasBothSides({ mine: [nothing], theirs: sides.mineUpdates }));
  assert.not.ok(
    hasBothSides({ ...sides.input, theirs: [sides.base], stateVector: Y.encodeStateVectorFromUpdate(sides.base) }),
  );
  assert.equal(computeMergeReport(sides.input).entries, []);
  assert.equal(computeMergeReport({ ...sides.input, theirs: [nothing] }).entries, []);
  sides.theirs.getMap('other').set('a', 1);
  assert.ok(hasBothSides(sides.input));
  assert.equal(reportOf(sides).entries, []);
});

test('C2 an update that builds on what is not there leaves the report without entries, not wrong', () => {
  const sides = mapSides();
  sides.theirs.getMap('m').set('a', 'first');
  sides.theirs.getMap('m').set('b', 'second');
  sides.mine.getMap('m').set('b', 'mine');
  const report = computeMergeReport({ ...sides.input, theirs: sides.theirsUpdates.slice(1) });
  assert.not.ok(report.complete);
  assert.equal(report.entries, []);
});

test('R6 a report is bounded, and says when it was cut', () => {
  const sides = new Sides(() => undefined);
  for (const [doc, letter] of [
    [sides.mine, 'a'],
    [sides.theirs, 'b'],
  ] as const) {
    for (let i = 0; i < 100; i++) doc.getMap('m').set(`k${i}`, letter.repeat(1000));
    doc.getText('t').insert(0, letter.repeat(100_000));
  }
  const few = computeMergeReport({ ...sides.input, limits: { entriesMax: 10 } });
  assert.equal([few.entries.length, few.conflicts, few.truncated], [10, 101, true]);
  const short = computeMergeReport({ ...sides.input, limits: { valueCharsMax: 6000 } });
  const text = entryOf(short.entries, 'list');
  assert.ok(text.mine.truncated && short.truncated);
  assert.equal(text.mine.ops, [{ insert: 'a'.repeat(1000) }]);
  const small = computeMergeReport({ ...sides.input, limits: { reportCharsMax: 20_000 } });
  assert.ok(small.truncated);
  assert.ok(JSON.stringify(small).length < 20_000 + 101 * 300);
  assert.equal(entryOf(small.entries, 'key', ['m', 'k99']).mine, { state: 'large', chars: 1002 });
  assert.not.ok(reportOf(sides).truncated);
});

test('C2 what JSON cannot say is said', () => {
  const sides = mapSides({ mineId: 40 });
  const strange = [Number.NaN, -0, Infinity, 2n ** 60n, Uint8Array.of(1, 255), { $: 'map', x: undefined }];
  sides.mine.getMap('m').set('a', strange);
  sides.theirs.getMap('m').set('a', new Y.Doc({ guid: 'g' }));
  const entry = entryOf(reportOf(sides).entries, 'key');
  assert.equal(
    entry.mine,
    value([
      { $: 'number', value: 'NaN' },
      { $: 'number', value: '-0' },
      { $: 'number', value: 'Infinity' },
      { $: 'bigint', value: '1152921504606846976' },
      { $: 'bytes', base64: 'Af8=' },
      { $: 'object', entries: { $: 'map', x: { $: 'undefined' } } },
    ]),
  );
  assert.equal(entry.theirs, value({ $: 'document', guid: 'g', options: {} }));
});

test.run();
