import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as Y from 'yjs';
import { RefusedError } from '../../src/base/errors.ts';
import { covers, decodeStateVector, encodeStateVector } from '../../src/update/state-vector.ts';
import { varUint } from './handmade.ts';
import { caseRandom, documentOf, randomHistory } from './random-documents.ts';

test('C4 state vectors are written and read as Yjs does', () => {
  for (let index = 0; index < 100; index++) {
    const bytes = Y.encodeStateVector(documentOf(randomHistory(caseRandom(11, index)).updates));
    const vector = decodeStateVector(bytes);
    assert.equal([...vector], [...Y.decodeStateVector(bytes)]);
    assert.equal(encodeStateVector(vector), bytes);
  }
  assert.equal([...encodeStateVector(new Map())], [0]);
  const large = new Map([
    [Number.MAX_SAFE_INTEGER, 2 ** 40],
    [5, 2 ** 31],
    [4_294_967_295, 128],
  ]);
  assert.equal(encodeStateVector(decodeStateVector(encodeStateVector(large))), encodeStateVector(large));
  assert.equal(encodeStateVector(large), Y.encodeStateVector(large));
});

test('R1 bytes that are not a state vector are refused with a code', () => {
  const bad: readonly (readonly number[])[] = [
    [],
    [1],
    [1, 1],
    [0, 0],
    [2, 1, 1],
    [2, 1, 1, 1, 2],
    [1, 1, 128],
    [1, 1, ...varUint(2 ** 41)],
    [...varUint(2 ** 30), 1, 1],
    [1, 255, 255, 255, 255, 255, 255, 255, 255, 1],
  ];
  for (const bytes of bad) {
    assert.throws(
      () => decodeStateVector(Uint8Array.from(bytes)),
      (error: unknown) => error instanceof RefusedError && error.code === 'TW_MALFORMED_MESSAGE',
      bytes.join(' '),
    );
  }
  assert.throws(() => decodeStateVector(new Uint8Array(5 * 1024 * 1024)), /too long/);
});

test('C4 covers says whether one has all that another has', () => {
  assert.ok(covers(new Map([[1, 5]]), new Map([[1, 5]])));
  assert.ok(covers(new Map([[1, 5]]), new Map()));
  assert.ok(covers(new Map(), new Map([[1, 0]])));
  assert.not.ok(covers(new Map([[1, 5]]), new Map([[1, 6]])));
  assert.not.ok(covers(new Map([[1, 5]]), new Map([[2, 1]])));
});

test.run();
