/** Who the others in a merge report were. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as Y from 'yjs';
import { computeMergeReport } from '../../src/merge/merge-report.ts';
import { rangesOf } from '../../src/merge/update-ranges.ts';
import { entryOf, Sides } from './sides.ts';

/** A map with three keys. */
const abc = (): Sides =>
  new Sides((doc) => {
    for (const key of ['a', 'b', 'c']) doc.getMap('m').set(key, 'base');
  });

test('C2 who did the rest is told from the entries', () => {
  const sides = abc();
  sides.mine.getMap('m').set('a', 'mine');
  sides.mine.getMap('m').set('b', 'mine');
  sides.theirs.getMap('m').set('a', 'theirs');
  sides.theirs.getMap('m').delete('b');
  sides.theirs.getMap('m').set('c', 'elsewhere');
  const [first, second, third] = sides.input.theirs.map(rangesOf);
  assert.ok(first && second && third);
  const entries = [
    // What came after, and what nobody reads here.
    { user: 'eve', device: '', time: 4000, inserts: [[77, 0, 5] as const], deletes: [] },
    { user: 'ann', device: 'phone', time: 3000, ...third },
    { user: 'bob', device: '', time: 2000, ...second },
    { user: 'ann', device: 'phone', time: 1000, ...first },
  ];
  const report = computeMergeReport({ ...sides.input, entries });
  assert.equal(report.authors, [
    { user: 'ann', device: 'phone', name: '', firstTime: 1000, lastTime: 3000, updates: 2 },
    { user: 'bob', device: '', name: '', firstTime: 2000, lastTime: 2000, updates: 1 },
  ]);
  assert.equal(entryOf(report.entries, 'key', ['m', 'a']).by, [0]);
  assert.equal(entryOf(report.entries, 'key', ['m', 'b']).by, [1]);
});

test('U4 who has no author is called as in presence; who deleted is said only where one wrote all of it', () => {
  const sides = abc();
  const third = new Y.Doc();
  third.clientID = 40;
  Y.applyUpdate(third, sides.base);
  for (const key of ['a', 'b', 'c']) sides.mine.getMap('m').set(key, 'mine');
  sides.theirs.getMap('m').set('a', 'theirs');
  sides.theirs.getMap('m').delete('b');
  third.getMap('m').set('c', 'third');
  const diff = (doc: Y.Doc): Uint8Array => Y.encodeStateAsUpdate(doc, Y.encodeStateVectorFromUpdate(sides.base));
  const names = new Map([[30, 'Ada']]);
  const byOf = (theirs: Uint8Array[]): unknown => {
    const { authors, entries } = computeMergeReport({ ...sides.input, theirs, names });
    return [
      authors.map(({ user, name, updates }) => [user, name, updates]),
      entries.map(({ path, by }) => [path[1], by]),
    ];
  };
  const apart = [
    [['', 'Ada', 1]],
    [
      ['a', [0]],
      ['b', [0]],
      ['c', []],
    ],
  ];
  assert.equal(byOf([diff(sides.theirs), diff(third)]), apart);
  const together = [
    [['', 'Ada', 1]],
    [
      ['a', [0]],
      ['b', []],
      ['c', []],
    ],
  ];
  assert.equal(byOf([Y.mergeUpdates([diff(sides.theirs), diff(third)])]), together);
});

test.run();
