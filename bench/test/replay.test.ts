// @slow
// @timeout 180s
// Parts of the recorded traces (generated ones where those are absent) through a relay in a process of its own.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as Y from 'yjs';
import { castFor, defaultTrace, quickCounts } from '../src/replay/arguments.ts';
import { AuthorDocument, CausalOrder, contains, mergeLocally } from '../src/replay/causal-order.ts';
import { ReplayError } from '../src/replay/errors.ts';
import { generateConcurrent, generateSequential } from '../src/replay/generate.ts';
import { type Peer, textOf } from '../src/replay/peer.ts';
import { playConcurrent } from '../src/replay/play.ts';
import { Progress } from '../src/replay/progress.ts';
import { type RunReport, run } from '../src/replay/run.ts';
import { type Trace, cutTrace, parseTrace, plainText } from '../src/replay/trace.ts';

const main = fileURLToPath(new URL('../../dist/src/replay.js', import.meta.url));

const [sequential, concurrent] = await Promise.all(
  (['sequential', 'concurrent'] as const).map(async (kind) => cutTrace(await defaultTrace(kind), quickCounts[kind])),
);
if (sequential === undefined || concurrent === undefined) throw new Error('there are two traces');
console.log(`sequential trace: ${sequential.name}; concurrent trace: ${concurrent.name}`);

/** `run` itself throws when any replica, live or after the restart, differs from the reference in any struct. */
async function replayed(trace: Trace, clients: RunReport['clients']): Promise<RunReport> {
  const report = await run({ trace, clients, relayUrl: null, profileFolder: null, rawWindowBytes: 0 });
  assert.is(report.edits, trace.transactions.length);
  assert.is(report.troubles, 0, 'no connection was lost or refused');
  assert.is(report.restart?.opens.length, new Set(clients).size, 'a fresh client of each kind read the same');
  return report;
}

const recorded = suite('recorded traces');

for (const clients of castFor('all', sequential)) {
  recorded(
    `C1 C2 D1 one author: ${clients[0]} writes, ${clients[1]} reads, a fresh client after a restart`,
    async () => {
      assert.is(sequential.endContent, plainText(sequential.transactions), 'the reference knows nothing of CRDTs');
      const { restart } = await replayed(sequential, clients);
      assert.ok(restart?.head, 'the document is in the log');
    },
  );
}

for (const clients of castFor('all', concurrent)) {
  recorded(`C1 C2 D1 several people at once: ${clients.join(', ')}, a fresh client after a restart`, async () => {
    await replayed(concurrent, clients);
  });
}

recorded('D3 the document opens from its snapshot: no entry of the old log is left to read', async () => {
  const { restart, live } = await replayed(cutTrace(sequential, 2000), ['tideweave', 'tideweave']);
  const head = restart?.head;
  assert.ok(head);
  assert.is(head.lastSeq, live.entries);
  assert.is(head.snapshotSeq, head.lastSeq, 'the snapshot contains every entry');
  assert.is(head.tailBytes, 0);
  assert.is(head.firstSeq, head.lastSeq + 1, 'no raw entry is stored');
});

recorded.run();

const order = suite('causal order');

order('C2 the local merge of a whole concurrent trace is its recorded text', async () => {
  const whole = await defaultTrace('concurrent');
  assert.ok(whole.endContent);
  assert.is(textOf(mergeLocally(whole)), whole.endContent);
});

order('C2 generated traces of the same seed are the same, and merge to their text', () => {
  const people = generateConcurrent(1000, 7);
  assert.equal(people, generateConcurrent(1000, 7));
  assert.not.equal(people.transactions, generateConcurrent(1000, 8).transactions);
  assert.is(textOf(mergeLocally(people)), people.endContent);
  assert.ok(
    people.transactions.some(({ parents }) => parents.length === 2),
    'some of it is concurrent',
  );
  const author = generateSequential(1000, 7);
  assert.equal(author, generateSequential(1000, 7));
  assert.is(plainText(author.transactions), author.endContent);
});

/** An update with its delete set, which stands last and here holds one range of one client (4 bytes), left empty. */
function insertedOnly(update: Uint8Array): Uint8Array {
  return Uint8Array.of(...update.subarray(0, -5), 0);
}

order('C2 a document contains a transaction only with all it inserted and all it deleted', () => {
  const transactions: Trace['transactions'] = [
    { agent: 0, parents: [], patches: [[0, 0, 'abc']] },
    { agent: 0, parents: [0], patches: [[1, 1, 'B']] },
    { agent: 0, parents: [1], patches: [[0, 1, '']] },
  ];
  const trace: Trace = { name: 'three', kind: 'concurrent', agents: 1, transactions, endContent: 'Bc' };
  const author = new AuthorDocument(0, new CausalOrder(trace));
  const [typed, replaced, deleted] = [author.type(0), author.type(1), author.type(2)];
  const doc = new Y.Doc();
  const has = (): boolean[] => [typed, replaced, deleted].map((made) => contains(doc, made));
  assert.equal(has(), [false, false, false]);
  Y.applyUpdate(doc, typed.update);
  assert.equal(has(), [true, false, false]);
  // Without its deletion, the replacement is only half there.
  Y.applyUpdate(doc, insertedOnly(replaced.update));
  assert.equal(has(), [true, false, false]);
  Y.applyUpdate(doc, replaced.update);
  assert.equal(has(), [true, true, false]);
  Y.applyUpdate(doc, deleted.update);
  assert.equal(has(), [true, true, true]);
});

order('C2 two who delete the same character do not wait for each other', async () => {
  const transactions: Trace['transactions'] = [
    { agent: 0, parents: [], patches: [[0, 0, 'ab']] },
    { agent: 1, parents: [0], patches: [[2, 0, 'x']] },
    { agent: 0, parents: [0], patches: [[0, 1, '']] },
    { agent: 1, parents: [1], patches: [[3, 0, 'y']] },
    { agent: 1, parents: [3], patches: [[4, 0, 'z']] },
    // By now the first one waits for this, which will be no news to its document.
    { agent: 1, parents: [4], patches: [[0, 1, '']] },
    { agent: 0, parents: [2, 5], patches: [[0, 0, '-']] },
  ];
  const trace: Trace = { name: 'both delete', kind: 'concurrent', agents: 2, transactions, endContent: '-bxyz' };
  const docs = [new Y.Doc(), new Y.Doc()];
  for (const [at, doc] of docs.entries()) {
    const other = docs[1 - at];
    assert.ok(other);
    doc.on('update', (update: Uint8Array, origin: unknown) => {
      if (origin !== 'network') setImmediate(() => Y.applyUpdate(other, update, 'network'));
    });
  }
  const peers = docs.map((doc): Peer => {
    const here = (): Promise<void> => Promise.resolve();
    const traffic = { sentFrames: 0, sentBytes: 0, receivedFrames: 0, receivedBytes: 0 };
    return {
      kind: 'tideweave',
      doc,
      traffic,
      troubles: 0,
      whenSynced: here,
      whenDurable: here,
      close: () => undefined,
    };
  });
  const progress = new Progress(transactions.length);
  await progress.watch(() => null, playConcurrent(trace, peers, mergeLocally(trace), progress));
  for (const doc of docs) assert.is(textOf(doc), trace.endContent);
});

order('C2 an agent whose transactions are not ordered is refused', () => {
  const patches: Trace['transactions'][number]['patches'] = [[0, 0, 'a']];
  const transactions = [
    { agent: 0, parents: [], patches },
    { agent: 0, parents: [], patches },
  ];
  const trace: Trace = { name: 'bad', kind: 'concurrent', agents: 1, transactions, endContent: null };
  assert.throws(() => new CausalOrder(trace), /transaction 1 does not follow/);
});

order('U3 what is not a trace is said in one line', () => {
  const bad: unknown[] = [
    null,
    {},
    { txns: [] },
    { txns: [{}], endContent: '' },
    { txns: [{ patches: [[0, -1, '']] }], endContent: '' },
    { txns: [{ patches: [[0, 0, '\u{1f600}']] }], endContent: '' },
    { kind: 'concurrent', txns: [{ agent: 0, parents: [0], patches: [] }], endContent: '' },
  ];
  for (const json of bad) {
    assert.throws(
      () => parseTrace('bad.json', json),
      (error: unknown) =>
        error instanceof ReplayError && /^bad\.json is not an editing trace: [^\n]+$/.test(error.message),
      JSON.stringify(json),
    );
  }
});

order.run();

const command = suite('the replay command');

interface Ended {
  readonly code: unknown;
  readonly out: string;
  readonly error: string;
}

async function replay(...args: string[]): Promise<Ended> {
  const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let out = '';
  let error = '';
  child.stdout.on('data', (bytes: Buffer) => (out += bytes.toString()));
  child.stderr.on('data', (bytes: Buffer) => (error += bytes.toString()));
  const [code] = (await once(child, 'close')) as unknown[];
  return { code, out, error };
}

command('U3 --help teaches, and --json gives the reports', async () => {
  const { code, out } = await replay('--help');
  assert.is(code, 0);
  assert.match(out, /Usage: npm run replay .*Examples:.*Exit codes:/s);
  const json = await replay('--generate', 'concurrent', '--edits', '300', '--client', 'mixed', '--json');
  assert.is(json.code, 0, json.error);
  const reports = JSON.parse(json.out) as RunReport[];
  assert.equal(
    reports.map(({ clients }) => clients),
    [
      ['tideweave', 'y-websocket'],
      ['y-websocket', 'tideweave'],
    ],
  );
});

command('U3 a mistake is one line: exit code 2 for options, 1 for what cannot be read or reached', async () => {
  const mistakes: [code: number, args: string[]][] = [
    [2, ['--bogus']],
    [2, ['surplus']],
    [2, ['--client', 'hocuspocus']],
    [2, ['--edits', '0']],
    [2, ['--quick', '--edits', '5']],
    [2, ['--relay', 'localhost']],
    [2, ['--trace', 'a', '--generate', 'sequential']],
    [1, ['--trace', '/nowhere/at-all.json.gz']],
    [1, ['--trace', main]],
    [1, ['--relay', 'ws://127.0.0.1:9', '--edits', '5']],
  ];
  for (const [code, args] of mistakes) {
    const ended = await replay(...args);
    assert.is(ended.code, code, `${args.join(' ')}: ${ended.error}`);
    assert.is(ended.out, '');
    assert.match(ended.error, /(?:^|\n)replay: [^\n]+\n$/, args.join(' '));
  }
});

command.run();
