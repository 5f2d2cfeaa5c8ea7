// @slow
// @timeout 240s
import { existsSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { seededRandom } from '@tideweave/shared';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as Y from 'yjs';
import { systemClock } from '../../src/clock.ts';
import { hasBothSides } from '../../src/merge/both-sides.ts';
import { computeMergeReport } from '../../src/merge/merge-report.ts';
import { createMergeRunner } from '../../src/merge/merge-runner.ts';
import { entryOf, Sides } from './sides.ts';

const trace = '/work/shared/traces/automerge-paper.json.gz';

interface Trace {
  readonly endContent: string;
  readonly txns: readonly { readonly patches: readonly (readonly [number, number, string])[] }[];
}

function timed<Result>(what: string, run: () => Result): Result {
  const started = performance.now();
  const result = run();
  console.log(`${what}: ${(performance.now() - started).toFixed(1)} ms`);
  return result;
}

function typeInto(doc: Y.Doc, edits: number, seed: number): void {
  const random = seededRandom(seed);
  const text = doc.getText('t');
  for (let i = 0; i < edits; i++) {
    const at = Math.floor(random() * text.length);
    if (random() < 0.3) text.delete(at, Math.min(1 + Math.floor(random() * 5), text.length - at));
    else text.insert(at, 'word'.slice(0, 1 + Math.floor(random() * 4)));
  }
}

test('U4 a thousand edits on each side of a paper of 260,000 operations', async () => {
  // Without the recorded trace: a text of the same length, typed in as many pieces.
  const txns = existsSync(trace)
    ? (JSON.parse(gunzipSync(readFileSync(trace)).toString()) as Trace).txns
    : Array.from({ length: 100_000 }, (_, i) => ({ patches: [[(i * 7919) % (i + 1), 0, 'x']] as const }));
  const sides = timed(
    'replay',
    () =>
      new Sides((doc) => {
        const text = doc.getText('t');
        doc.transact(() => {
          for (const { patches } of txns) {
            for (const [at, deleted, inserted] of patches) {
              if (deleted > 0) text.delete(at, deleted);
              if (inserted !== '') text.insert(at, inserted);
            }
          }
        });
      }),
  );
  typeInto(sides.mine, 1000, 1);
  typeInto(sides.theirs, 1000, 2);
  const { input } = sides;
  console.log(`base ${sides.base.length} bytes, ${input.mine.length} and ${input.theirs.length} updates`);
  timed('load of the base alone', () => Y.applyUpdate(new Y.Doc({ gc: false }), sides.base));
  assert.ok(timed('hasBothSides', () => hasBothSides(input)));
  const started = performance.now();
  const report = timed('report', () => computeMergeReport(input));
  assert.ok(performance.now() - started < 10_000);
  timed('report again', () => computeMergeReport(input));
  const kinds = report.entries.map(({ kind }) => kind);
  console.log(
    `${kinds.filter((kind) => kind === 'stranded').length} stranded, ${JSON.stringify(report).length} characters as JSON`,
  );
  const list = entryOf(report.entries, 'list');
  const merged = sides.merged()[0].getText('t').toJSON();
  assert.is(
    list.merged.ops.map((op) => ('insert' in op && typeof op.insert === 'string' ? op.insert : '')).join(''),
    merged,
  );
  const mine = new Y.Doc();
  Y.applyUpdate(mine, sides.base);
  mine.getText('t').applyDelta([...list.mine.ops]);
  assert.is(mine.getText('t').toJSON(), sides.mine.getText('t').toJSON());
  const runner = createMergeRunner({ clock: systemClock });
  const before = performance.now();
  assert.equal(await runner.compute(input), report);
  console.log(`through the worker: ${(performance.now() - before).toFixed(1)} ms`);
  runner.close();
});

test('R6 thousands of conflicts and deep nesting stay within the bounds', () => {
  const sides = new Sides((doc) => {
    doc.getArray('a').push(Array.from({ length: 20_000 }, (_, i) => new Y.Map([['k', i]])));
    let map = doc.getMap('deep');
    for (let depth = 0; depth < 500; depth++) {
      const inner = new Y.Map<unknown>();
      map.set('in', inner);
      map = inner;
    }
  });
  for (const doc of [sides.mine, sides.theirs]) {
    doc.transact(() => {
      doc.getArray<Y.Map<unknown>>('a').forEach((map) => map.set('k', doc.clientID));
      doc.getArray('a').insert(10_000, [doc.clientID]);
    });
  }
  sides.mine.getMap('deep').delete('in');
  let map = sides.theirs.getMap('deep');
  for (let depth = 0; depth < 500; depth++) map = map.get('in') as Y.Map<unknown>;
  map.set('bottom', 1);
  const started = performance.now();
  const report = computeMergeReport(sides.input);
  const ms = performance.now() - started;
  console.log(`20,002 conflicts: ${ms.toFixed(0)} ms, ${JSON.stringify(report).length} characters`);
  assert.equal([report.conflicts, report.entries.length, report.truncated], [20_002, 500, true]);
  assert.ok(ms < 10_000);
  assert.ok(JSON.stringify(report).length < 5 * 1024 * 1024);
});

test.run();
