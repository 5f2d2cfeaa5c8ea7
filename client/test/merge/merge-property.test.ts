// @timeout 300s
import { type Random, seededRandom } from '@tideweave/shared';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as Y from 'yjs';
import { checkByBruteForce } from '../../src/merge-oracle/brute-force.ts';
import { checkReport } from '../../src/merge-oracle/check.ts';
import { type Expected, expectedOf, text } from '../../src/merge-oracle/expected.ts';
import { typesIn, yjsJson } from '../../src/merge-oracle/model.ts';
import { computeMergeReport } from '../../src/merge/merge-report.ts';
import type { MergeEntry, MergeReport, MergeReportInput, TypeIdentity } from '../../src/merge/report-types.ts';
import { canRestore, restoreMine } from '../../src/merge/restore.ts';
import { below, pick, rootKinds, Shadow } from './shadow.ts';
import { sync } from './sides.ts';

const merges = 6000;
const given = process.env['TIDEWEAVE_SEED'];
const seed = given === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(given);
const caseRandom = (index: number): Random => seededRandom(Math.imul(seed ^ 0x9e3779b9, index + 1) ^ index);

interface Case {
  readonly input: MergeReportInput;
  readonly expected: Expected;
  readonly mine: Y.Doc;
  readonly theirs: Y.Doc;
}

/** Edits in transactions of one to four operations; returns the raw updates. */
function edit(random: Random, doc: Y.Doc, shadow: Shadow, edits: number): Uint8Array[] {
  const updates: Uint8Array[] = [];
  const keep = (update: Uint8Array): void => void updates.push(update);
  doc.on('update', keep);
  for (let left = edits; left > 0;) {
    const together = random() < 0.7 ? 1 : 1 + below(random, 4);
    doc.transact(() => {
      for (let i = 0; i < together; i++) shadow.edit(random, doc);
    });
    left -= together;
  }
  doc.off('update', keep);
  shadow.settle(doc);
  return updates;
}

function makeCase(random: Random): Case {
  const [a, b, c, d] = [1, 2, 3, 4].map((n) => below(random, 1000) * 8 + n) as [number, number, number, number];
  const gc = random() < 0.7;
  const baseShadow = new Shadow();
  const baseDoc = new Y.Doc({ gc });
  baseDoc.clientID = a;
  edit(random, baseDoc, baseShadow, below(random, 30));
  baseDoc.clientID = b;
  edit(random, baseDoc, baseShadow, below(random, 10));
  const base = Y.encodeStateAsUpdate(baseDoc);
  const fork = (): Y.Doc => {
    const doc = new Y.Doc({ gc });
    Y.applyUpdate(doc, base);
    return doc;
  };
  const mine = fork();
  // Often my session goes on: my new items then continue those of the base.
  mine.clientID = random() < 0.5 ? a : c;
  const mineShadow = baseShadow.fork('mine');
  const mineUpdates = edit(random, mine, mineShadow, 1 + below(random, 14));
  const theirs = fork();
  theirs.clientID = random() < 0.5 ? b : d;
  const theirsShadow = baseShadow.fork('theirs');
  const theirsUpdates = edit(random, theirs, theirsShadow, 1 + below(random, 10));
  theirs.clientID = d + 4;
  theirsUpdates.push(...edit(random, theirs, theirsShadow, below(random, 5)));
  const input = {
    base: [base],
    mine: random() < 0.2 && mineUpdates.length > 0 ? [Y.mergeUpdates(mineUpdates)] : mineUpdates,
    theirs:
      random() < 0.3
        ? [Y.encodeStateAsUpdate(theirs, Y.encodeStateVector(baseDoc))]
        : random() < 0.3 && theirsUpdates.length > 0
          ? [Y.mergeUpdates(theirsUpdates)]
          : theirsUpdates,
  };
  mine.clientID = 1_000_001;
  theirs.clientID = 1_000_002;
  sync(mine, theirs);
  sync(theirs, mine);
  const expected = expectedOf(baseShadow, mineShadow, theirsShadow, typesIn(mine, rootKinds));
  return { input, expected, mine, theirs };
}

const label = (of: TypeIdentity): string => ('root' in of ? of.root : `${of.client}:${of.clock}`);

/** Against the model of what was done; and now and then by brute force, which is the simulator's oracle. */
function check({ input, expected, mine }: Case, index: number): MergeReport {
  const report = computeMergeReport(input);
  assert.ok(report.complete && !report.truncated);
  checkReport(report, expected, mine, rootKinds);
  if (index % 4 === 0) assert.ok(checkByBruteForce(input, report, rootKinds));
  return report;
}

/** Restores one entry in my document and looks at both after a sync. */
function checkRestore({ mine, theirs }: Case, entry: MergeEntry): boolean {
  const isMine = entry.kind === 'key' ? entry.outcome === 'theirs' : entry.kind === 'lost' && entry.side === 'mine';
  if (entry.kind === 'lost' && isMine && entry.key !== null && text(entry.replacedBy) === text(entry.value))
    return false;
  assert.is(canRestore(mine, entry), isMine, `canRestore ${entry.id}`);
  assert.is(restoreMine(mine, entry, { origin: 'restore' }) === 'restored', isMine);
  if (!isMine || (entry.kind !== 'key' && entry.kind !== 'lost')) return false;
  sync(mine, theirs);
  for (const doc of [mine, theirs]) {
    const type = typesIn(doc, rootKinds).get(label(entry.kind === 'key' ? entry.type : entry.parent));
    assert.ok(type);
    const wanted = entry.kind === 'key' ? entry.mine : entry.value;
    const key = entry.key;
    if (key === null) {
      assert.ok(wanted.state === 'value');
      const items = (type as Y.Array<unknown>).toArray().map((item) => text(yjsJson(item)));
      assert.ok(items.includes(text(wanted.value)), 'restored in a list');
    } else if (type instanceof Y.Map) {
      assert.is(type.has(key), wanted.state === 'value');
      if (wanted.state === 'value') assert.is(text(yjsJson(type.get(key))), text(wanted.value), 'restored');
    } else {
      const value = (type as Y.XmlElement).getAttribute(key);
      assert.equal(value, wanted.state === 'value' ? wanted.value : undefined, 'restored attribute');
    }
  }
  return true;
}

test('C2 a report says what a model of the operations says, and restoring shows mine on both sides', () => {
  console.log(`merge reports: TIDEWEAVE_SEED=${seed}`);
  const counts = { key: 0, agreed: 0, list: 0, lost: 0, stranded: 0, restored: 0, empty: 0 };
  for (let index = 0; index < merges; index++) {
    const random = caseRandom(index);
    const made = makeCase(random);
    try {
      const report = check(made, index);
      for (const entry of report.entries) counts[entry.kind]++;
      counts.agreed += report.agreed;
      if (report.entries.length === 0) counts.empty++;
      else if (checkRestore(made, pick(random, report.entries))) counts.restored++;
    } catch (error) {
      console.log(`case ${index} of TIDEWEAVE_SEED=${seed}`);
      throw error;
    }
  }
  console.log(`${merges} merges: ${JSON.stringify(counts)}`);
  assert.ok(
    counts.key > 1000 && counts.list > 1000 && counts.lost > 200 && counts.stranded > 200 && counts.agreed > 100,
  );
});

test.run();
