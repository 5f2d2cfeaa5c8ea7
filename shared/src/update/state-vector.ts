/**
 * State vectors: what somebody has of a document, as the next clock of each client. The wire form is Yjs's V1.
 */
import { RefusedError } from '../base/errors.ts';
import { stateVectorBytesMax, updateLimits } from '../protocol/limits.ts';
import { ByteCursor, readCount, readVarUint } from './byte-cursor.ts';
import { ByteWriter } from './byte-writer.ts';

/** Client id → the clock its next insertion will have; a client that is not in it has inserted nothing. */
export type StateVector = Map<number, number>;

const cursor = new ByteCursor();
const writer = new ByteWriter();

/** Writes a state vector as Yjs does, clients descending, so that equal ones are equal bytes. */
export function encodeStateVector(vector: ReadonlyMap<number, number>): Uint8Array {
  writer.varUint(vector.size);
  for (const client of descending(vector.keys())) {
    writer.varUint(client);
    writer.varUint(vector.get(client)!);
  }
  return writer.take();
}

/**
 * Reads a state vector off the wire.
 * @throws RefusedError `TW_MALFORMED_MESSAGE` when the bytes are not one, and nothing but one
 */
export function decodeStateVector(bytes: Uint8Array): StateVector {
  if (bytes.length > stateVectorBytesMax) throw malformed('too long');
  const vector: StateVector = new Map();
  cursor.open(bytes);
  const clients = readCount(cursor);
  for (let i = 0; i < clients; i++) {
    const client = readVarUint(cursor);
    const clock = readVarUint(cursor);
    if (client < 0 || clock < 0) break;
    if (clock > updateLimits.clockMax) cursor.fail('a clock is out of range');
    if (vector.has(client)) cursor.fail('a client is named twice');
    vector.set(client, clock);
  }
  if (cursor.at < cursor.end) cursor.fail('bytes follow it');
  cursor.close();
  if (cursor.error !== '') throw malformed(cursor.error);
  return vector;
}

function malformed(what: string): RefusedError {
  return new RefusedError('TW_MALFORMED_MESSAGE', `not a state vector: ${what}`);
}

/** Whether whoever is at `vector` has everything that somebody at `other` has. */
export function covers(vector: ReadonlyMap<number, number>, other: ReadonlyMap<number, number>): boolean {
  for (const [client, clock] of other) {
    if (clock > (vector.get(client) ?? 0)) return false;
  }
  return true;
}

/** Client ids in the order in which Yjs writes them. */
export function descending(clients: Iterable<number>): number[] {
  return Array.from(clients).sort((a, b) => b - a);
}
