import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as Y from 'yjs';
import { computeMergeReport } from '../../src/merge/merge-report.ts';
import type { MergeEntry } from '../../src/merge/report-types.ts';
import { canRestore, restoreMine } from '../../src/merge/restore.ts';
import { entryOf, Sides, sync } from './sides.ts';

function entriesOf(sides: Sides): readonly MergeEntry[] {
  // As the application gets it: through a worker and a store.
  return (JSON.parse(JSON.stringify(computeMergeReport(sides.input))) as { entries: MergeEntry[] }).entries;
}

/** Restores in my merged document and syncs; returns both documents. */
function restored(sides: Sides, entry: MergeEntry): [Y.Doc, Y.Doc] {
  const [mine, theirs] = sides.merged();
  assert.ok(canRestore(mine, entry));
  assert.is(restoreMine(mine, entry, { origin: 'restore' }), 'restored');
  sync(mine, theirs);
  return [mine, theirs];
}

test('C2 my value comes back under a key that theirs won, nested values as new types', () => {
  const mineValue = (): Y.Map<unknown> => {
    const map = new Y.Map<unknown>([['list', Y.Array.from([1, null, { a: 2 }])]]);
    const text = new Y.Text();
    text.insert(0, 'bold', { bold: true });
    text.insert(4, ' plain', {});
    text.insertEmbed(2, { image: 'x' });
    map.set('text', text);
    const element = new Y.XmlElement('p');
    element.setAttribute('align', 'left');
    element.insert(0, [new Y.XmlText('in p'), new Y.XmlElement('br')]);
    map.set('xml', element);
    map.set('bytes', Uint8Array.of(1, 2));
    map.set('big', 5n);
    map.set('dollar', { $: 1 });
    return map;
  };
  const sides = new Sides((doc) => doc.getMap('m').set('k', 0));
  sides.mine.getMap('m').set('k', mineValue());
  sides.theirs.getMap('m').set('k', 'theirs');
  const entry = entryOf(entriesOf(sides), 'key');
  assert.is(entry.outcome, 'theirs');
  const expected = JSON.stringify(sides.mine.getMap('m'), (_, x: unknown) => (typeof x === 'bigint' ? `${x}n` : x));
  for (const doc of restored(sides, entry)) {
    const map = doc.getMap('m').get('k') as Y.Map<unknown>;
    assert.equal(
      sorted(JSON.parse(JSON.stringify(doc.getMap('m'), (_, x: unknown) => (typeof x === 'bigint' ? `${x}n` : x)))),
      sorted(JSON.parse(expected)),
    );
    assert.equal((map.get('text') as Y.Text).toDelta(), [
      { insert: 'bo', attributes: { bold: true } },
      { insert: { image: 'x' } },
      { insert: 'ld', attributes: { bold: true } },
      { insert: ' plain' },
    ]);
    assert.equal(map.get('bytes'), Uint8Array.of(1, 2));
    assert.equal((map.get('xml') as Y.XmlElement).toJSON(), '<p align="left">in p<br></br></p>');
    assert.not.ok(canRestore(doc, entry), 'it is there now');
    assert.is(restoreMine(doc, entry), 'nothing');
  }
});

function sorted(value: unknown): unknown {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sorted(inner)]),
  );
}

test('C2 my deletion comes back too, and an edit with the given origin that undo can take back', () => {
  const sides = new Sides((doc) => doc.getMap('m').set('k', 'base'));
  sides.mine.getMap('m').delete('k');
  sides.theirs.getMap('m').set('k', 'theirs');
  const entry = entryOf(entriesOf(sides), 'key');
  const [doc] = sides.merged();
  const undo = new Y.UndoManager(doc.getMap('m'), { trackedOrigins: new Set(['restore']) });
  assert.is(restoreMine(doc, entry, { origin: 'restore' }), 'restored');
  assert.not.ok(doc.getMap('m').has('k'));
  undo.undo();
  assert.is(doc.getMap('m').get('k'), 'theirs');
});

test('C2 what they deleted while I edited it comes back as I left it, in maps, arrays, texts and XML', () => {
  const sides = new Sides((doc) => {
    doc.getMap('m').set('note', new Y.Map([['title', 'old']]));
    doc.getArray('a').push([1, new Y.Map([['title', 'old']]), 3]);
    doc.getText('t').insert(0, 'ab');
    doc.getText('t').insertEmbed(1, new Y.Map([['title', 'old']]));
    doc.getXmlFragment('x').insert(0, [new Y.XmlElement('hr'), new Y.XmlElement('p'), new Y.XmlElement('hr')]);
  });
  const embedOf = (doc: Y.Doc): Y.Map<unknown> => {
    const delta = doc.getText('t').toDelta() as { insert: Y.Map<unknown> | string }[];
    return delta.map(({ insert }) => insert).find((insert) => insert instanceof Y.Map) as Y.Map<unknown>;
  };
  sides.mine.getMap<Y.Map<unknown>>('m').get('note')?.set('title', 'new');
  sides.mine.getArray<Y.Map<unknown>>('a').get(1).set('title', 'new');
  embedOf(sides.mine).set('title', 'new');
  (sides.mine.getXmlFragment('x').get(1) as Y.XmlElement).insert(0, [new Y.XmlText('new')]);
  sides.theirs.getMap('m').delete('note');
  sides.theirs.getArray('a').delete(1);
  sides.theirs.getArray('a').insert(0, [0]);
  sides.theirs.getText('t').delete(1, 1);
  sides.theirs.getXmlFragment('x').delete(1, 1);
  const entries = entriesOf(sides);
  assert.equal(
    entries.map(({ kind }) => kind),
    ['lost', 'lost', 'lost', 'lost'],
  );
  const [mine, theirs] = sides.merged();
  for (const entry of entries) assert.is(restoreMine(mine, entry), 'restored');
  sync(mine, theirs);
  for (const doc of [mine, theirs]) {
    assert.equal(doc.getMap('m').toJSON(), { note: { title: 'new' } });
    assert.equal(doc.getArray('a').toJSON(), [0, 1, { title: 'new' }, 3]);
    assert.is(doc.getText('t').toJSON(), 'ab');
    assert.is(embedOf(doc).get('title'), 'new');
    assert.is(doc.getXmlFragment('x').toJSON(), '<hr></hr><p>new</p><hr></hr>');
  }
});

test('C2 a stranded insertion that was deleted afterwards comes back where it was', () => {
  const sides = new Sides((doc) => doc.getText('t').insert(0, 'one two three'));
  sides.mine.getText('t').insert(5, 'MINE');
  sides.theirs.getText('t').delete(4, 4);
  const entry = entryOf(entriesOf(sides), 'stranded');
  const [mine, theirs] = sides.merged();
  assert.is(mine.getText('t').toJSON(), 'one MINEthree');
  assert.not.ok(canRestore(mine, entry), 'all of it can be seen');
  theirs.getText('t').delete(5, 2);
  theirs.getText('t').insert(0, '> ');
  sync(theirs, mine);
  assert.is(restoreMine(mine, entry), 'restored');
  sync(mine, theirs);
  for (const doc of [mine, theirs]) assert.is(doc.getText('t').toJSON(), '> one MINEthree');
});

test('C2 what has no place any more, is too large or is theirs cannot be restored', () => {
  const sides = new Sides((doc) => {
    doc.getMap('m').set('inner', new Y.Map([['k', 0]]));
    doc.getMap('m').set('other', new Y.Map([['k', 0]]));
  });
  sides.mine.getMap<Y.Map<unknown>>('m').get('inner')?.set('k', 1);
  sides.theirs.getMap<Y.Map<unknown>>('m').get('inner')?.set('k', 'x'.repeat(100));
  sides.mine.getMap<Y.Map<unknown>>('m').delete('other');
  sides.theirs.getMap<Y.Map<unknown>>('m').get('other')?.set('k', 2);
  const entries = entriesOf(sides);
  const key = entryOf(entries, 'key');
  const [doc] = sides.merged();
  assert.ok(canRestore(doc, key));
  assert.not.ok(canRestore(doc, { ...key, mine: { state: 'large', chars: 1 } }));
  assert.not.ok(canRestore(doc, entryOf(entries, 'lost')));
  assert.not.ok(canRestore(new Y.Doc(), key), 'another document');
  doc.getMap('m').delete('inner');
  assert.not.ok(canRestore(doc, key));
  assert.is(restoreMine(doc, key), 'gone');
});

test('U4 what somebody wrote after the merge is not overwritten unless that is asked for', () => {
  const sides = new Sides((doc) => {
    doc.getMap('m').set('k', 'base');
    doc.getMap('m').set('note', new Y.Map([['title', 'old']]));
  });
  sides.mine.getMap('m').set('k', 'mine');
  sides.theirs.getMap('m').set('k', 'theirs');
  sides.mine.getMap<Y.Map<unknown>>('m').get('note')?.set('title', 'new');
  sides.theirs.getMap('m').delete('note');
  const entries = entriesOf(sides);
  const [key, lost] = [entryOf(entries, 'key'), entryOf(entries, 'lost')];
  const [mine, theirs] = sides.merged();
  theirs.getMap('m').set('k', 'later');
  theirs.getMap('m').set('note', 'later');
  sync(theirs, mine);
  for (const entry of [key, lost]) {
    assert.ok(canRestore(mine, entry));
    assert.is(restoreMine(mine, entry), 'changed');
  }
  assert.equal(mine.getMap('m').toJSON(), { k: 'later', note: 'later' });
  for (const entry of [key, lost]) assert.is(restoreMine(mine, entry, { overwrite: true }), 'restored');
  sync(mine, theirs);
  assert.equal(theirs.getMap('m').toJSON(), { k: 'mine', note: { title: 'new' } });
  assert.is(restoreMine(mine, { ...key, outcome: 'mine' }), 'nothing');
});

test('C2 a root that nobody asked for by its class is restored by what it holds', () => {
  const sides = new Sides((doc) => {
    doc.getMap('m').set('k', 0);
    doc.getArray('a').push([new Y.Map([['k', 0]])]);
  });
  sides.mine.getMap('m').set('k', 1);
  sides.theirs.getMap('m').set('k', 2);
  sides.mine.getArray<Y.Map<unknown>>('a').get(0).set('k', 1);
  sides.theirs.getArray('a').delete(0);
  const entries = entriesOf(sides);
  assert.is(entries.length, 2);
  const [doc] = sides.merged();
  for (const entry of entries) assert.is(restoreMine(doc, entry), 'restored');
  assert.equal([doc.getMap('m').toJSON(), doc.getArray('a').toJSON()], [{ k: 1 }, [{ k: 1 }]]);
});

test.run();
