import * as fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as Y from 'yjs';
import { DocumentState } from '../../src/update/document-state.ts';
import { scanErrors } from '../../src/update/scan-errors.ts';
import { scanUpdate } from '../../src/update/scanner.ts';
import { UpdateScan } from '../../src/update/update-scan.ts';
import { caseRandom, documentOf, randomHistory, testSeed } from './random-documents.ts';
import { scannedRanges, yjsRanges } from './reference.ts';

const runs = Number(process.env['TIDEWEAVE_FUZZ_RUNS'] ?? 100_000);

/** What we refuse although Yjs decodes it; docs and PEERS section 4 have the reasons. */
const deliberate = new Set<string>([
  scanErrors.integerRange,
  scanErrors.trailing,
  scanErrors.prototypeKey,
  scanErrors.valueDepth,
  scanErrors.documentOptions,
  scanErrors.duplicateClient,
  scanErrors.clock,
  scanErrors.run,
  scanErrors.empty,
  scanErrors.flags,
  scanErrors.selfReference,
  scanErrors.rootNames,
  scanErrors.clients,
  scanErrors.deleteRanges,
]);

interface Mutation {
  readonly kind: number;
  /** Where, as a fraction of the length. */
  readonly at: number;
  readonly value: number;
  /** The other update of a splice. */
  readonly other: number;
}

function mutate(bytes: Uint8Array, mutation: Mutation, corpus: readonly Uint8Array[]): Uint8Array {
  const { kind, value } = mutation;
  const at = Math.floor(mutation.at * bytes.length);
  switch (kind) {
    case 0: // flip a bit
    case 1: {
      const result = bytes.slice();
      if (at < result.length) result[at]! ^= 1 << (value & 7);
      return result;
    }
    case 2: {
      const result = bytes.slice();
      if (at < result.length) result[at] = value;
      return result;
    }
    case 3:
      return joined(bytes.subarray(0, at), Uint8Array.of(value), bytes.subarray(at));
    case 4:
      return joined(bytes.subarray(0, at), bytes.subarray(at + 1 + (value & 3)));
    case 5:
      return bytes.slice(0, at);
    case 6: {
      const other = corpus[mutation.other % corpus.length]!;
      return joined(bytes.subarray(0, at), other.subarray(Math.floor((value / 256) * other.length)));
    }
    case 7: // write a number in more bytes than it takes
      if (at < bytes.length && bytes[at]! < 128) {
        const zeros = Array.from({ length: value % 11 }, () => 128);
        return joined(bytes.subarray(0, at), Uint8Array.of(bytes[at]! | 128, ...zeros, 0), bytes.subarray(at + 1));
      }
      return bytes;
    case 8: // make a number huge
      return joined(
        bytes.subarray(0, at),
        Uint8Array.from({ length: value % 9 }, () => 255),
        bytes.subarray(at),
      );
    default: {
      // repeat a stretch
      const stretch = bytes.subarray(at, at + (value & 31));
      return joined(bytes.subarray(0, at), stretch, bytes.subarray(at));
    }
  }
}

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  const result = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    result.set(part, at);
    at += part.length;
  }
  return result;
}

/** Updates to mutate: whole small documents, which can be applied by themselves, and single edits. */
function corpusOf(seed: number): Uint8Array[] {
  const corpus: Uint8Array[] = [];
  for (let index = 0; corpus.length < 3000; index++) {
    const { updates } = randomHistory(caseRandom(seed, index), { edits: 2 + (index % 10) });
    const whole = Y.encodeStateAsUpdate(documentOf(updates));
    corpus.push(whole, whole, Y.mergeUpdates([...updates]), updates.at(-1) ?? whole);
  }
  // Long ones are mutated where it matters less often than short ones.
  return corpus.filter((update) => update.length < 500);
}

test(`C2 of ${runs} mutated updates none is accepted that Yjs cannot decode or reads otherwise`, () => {
  const seed = testSeed('fuzz');
  const corpus = corpusOf(seed);
  const scan = new UpdateScan();
  const counts = { accepted: 0, refused: 0, refusedByUsAlone: 0, admitted: 0, thrownOnApply: 0 };
  const thrown = new Map<string, number>();
  const own = new Map<string, number>();
  const mutation = fc.record({
    // Half of the mutations leave the length alone: they are the ones that survive the framing.
    kind: fc.oneof(fc.nat(2), fc.nat(9)),
    // fc.double is uniform over its representations, which are mostly next to 0.
    at: fc.integer({ min: 0, max: 9999 }).map((part) => part / 10_000),
    value: fc.nat(255),
    other: fc.nat(10_000),
  });
  const property = fc.property(
    fc.nat(corpus.length - 1),
    fc.array(mutation, { minLength: 1, maxLength: 2 }),
    (base, all) => {
      const bytes = all.reduce((result, each) => mutate(result, each, corpus), corpus[base]!);
      if (!scanUpdate(bytes, scan)) {
        counts.refused++;
        assert.ok(scan.error !== '' && scan.errorOffset >= 0 && scan.errorOffset <= bytes.length);
        if (deliberate.has(scan.error)) {
          own.set(scan.error, (own.get(scan.error) ?? 0) + 1);
          return;
        }
        assert.not.ok(decodes(bytes), `${scan.error} at ${scan.errorOffset}, but Yjs reads ${bytes.join(' ')}`);
        return;
      }
      counts.accepted++;
      assert.equal(scannedRanges(scan), yjsRanges(bytes));
      if (new DocumentState().admit(scan) === 'missing') return;
      counts.admitted++;
      try {
        Y.applyUpdate(new Y.Doc(), bytes);
      } catch (error) {
        counts.thrownOnApply++;
        const message = error instanceof Error ? error.message : String(error);
        thrown.set(message, (thrown.get(message) ?? 0) + 1);
      }
    },
  );
  fc.assert(property, { numRuns: runs, seed });
  counts.refusedByUsAlone = [...own.values()].reduce((sum, count) => sum + count, 0);
  console.log(counts, Object.fromEntries(own), Object.fromEntries(thrown));
  assert.ok(counts.accepted > runs / 100, 'enough mutants are accepted to mean something');
});

function decodes(bytes: Uint8Array): boolean {
  try {
    Y.decodeUpdate(bytes);
    return true;
  } catch {
    return false;
  }
}

test.run();
