/**
 * Recorded editing sessions in the format of `josephg/editing-traces`: read, checked, and cut to length. What a trace
 * says is never trusted to be well-formed: a mistake in it is one clear line, not a divergence to be puzzled over.
 */
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { ReplayError } from './errors.ts';

/** At a position, delete so many characters, then insert a text there. */
export type Patch = readonly [position: number, deleted: number, inserted: string];

/** What somebody did at once. */
export interface Transaction {
  /** Who, from 0. */
  readonly agent: number;
  /** Indices of the transactions whose merge the positions refer to; only of use in a concurrent trace. */
  readonly parents: readonly number[];
  readonly patches: readonly Patch[];
}

export interface Trace {
  readonly name: string;
  /** `sequential`: one author, each transaction follows the one before. `concurrent`: several, by their `parents`. */
  readonly kind: 'sequential' | 'concurrent';
  readonly agents: number;
  /** Parents stand before their children. */
  readonly transactions: readonly Transaction[];
  /** The recorded text after the last transaction; null when it was not recorded, as the trace was cut. */
  readonly endContent: string | null;
}

/** Reads a trace file, gzipped or plain. Throws `ReplayError`. */
export async function readTrace(path: string): Promise<Trace> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (error) {
    const isAbsent = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    throw new ReplayError(`cannot read ${path}: ${isAbsent ? 'there is no such file' : String(error)}`, {
      cause: error,
    });
  }
  let json: unknown;
  try {
    json = JSON.parse((bytes[0] === 0x1f ? gunzipSync(bytes) : bytes).toString('utf8'));
  } catch (error) {
    throw new ReplayError(`${path} is not JSON, plain or gzipped: ${String(error)}`, { cause: error });
  }
  return parseTrace(basename(path), json);
}

/** Checks what was read. Throws `ReplayError`. */
export function parseTrace(name: string, json: unknown): Trace {
  const fail = (what: string): never => {
    throw new ReplayError(`${name} is not an editing trace: ${what}`);
  };
  if (!isRecord(json) || !Array.isArray(json['txns'])) return fail('it has no list "txns"');
  const { txns, startContent = '', endContent } = json;
  if (typeof endContent !== 'string') return fail('it has no text "endContent"');
  const concurrent = json['kind'] === 'concurrent';
  const transactions = (txns as unknown[]).map((txn, at): Transaction => {
    if (!isRecord(txn)) return fail(`transaction ${at} is not an object`);
    const { agent = 0, parents = [], patches } = txn;
    if (!isCount(agent)) return fail(`transaction ${at} has no agent`);
    if (!Array.isArray(parents) || !parents.every((parent) => isCount(parent) && parent < at)) {
      return fail(`transaction ${at} has a parent that does not stand before it`);
    }
    if (!Array.isArray(patches) || !patches.every(isPatch)) return fail(`transaction ${at} has a malformed patch`);
    return { agent, parents: parents as number[], patches };
  });
  if (!concurrent && typeof startContent === 'string' && startContent !== '') {
    transactions.unshift({ agent: 0, parents: [], patches: [[0, 0, startContent]] });
  }
  const agents = 1 + transactions.reduce((highest, { agent }) => Math.max(highest, agent), 0);
  return { name, kind: concurrent ? 'concurrent' : 'sequential', agents, transactions, endContent };
}

/** The first `count` transactions: whole, as parents stand before their children. */
export function cutTrace(trace: Trace, count: number): Trace {
  if (count >= trace.transactions.length) return trace;
  const transactions = trace.transactions.slice(0, count);
  const endContent = trace.kind === 'sequential' ? plainText(transactions) : null;
  return { ...trace, name: `${trace.name} (first ${count})`, transactions, endContent };
}

/** What a sequence of transactions makes of a plain string: the reference that knows nothing of CRDTs. */
export function plainText(transactions: readonly Transaction[]): string {
  let text = '';
  for (const { patches } of transactions) {
    for (const [position, deleted, inserted] of patches) {
      text = text.slice(0, position) + inserted + text.slice(position + deleted);
    }
  }
  return text;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function isCount(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0;
}

function isPatch(value: unknown): value is Patch {
  // Positions count code points and Yjs counts UTF-16 units: the same as long as nothing lies beyond the BMP.
  return (
    Array.isArray(value) &&
    isCount(value[0]) &&
    isCount(value[1]) &&
    typeof value[2] === 'string' &&
    !/[\ud800-\udfff]/.test(value[2])
  );
}
