/**
 * Reads a Yjs V1 update without a document: one pass over the bytes that validates them completely, so that nothing is
 * ever stored, acknowledged or sent on that Yjs could not decode, and that yields what the relay must know: which
 * clocks are inserted, what is deleted, and what must be there before. The format is read from yjs 13.6
 * (readClientsStructRefs, readDeleteSet); shared/test/update/scanner.test.ts compares every verdict with it.
 *
 * Not reentrant: the cursor is the module's, because a scan per keystroke must not allocate.
 */
import { type UpdateCounts, updateLimits, wholeDocumentCounts } from '../protocol/limits.ts';
import { ByteCursor, readByteLength, readCount, readVarUint } from './byte-cursor.ts';
import { scanAny, scanDocumentOptions } from './scan-any.ts';
import { scanErrors } from './scan-errors.ts';
import { scanJson } from './scan-json.ts';
import { lastTextBytes, scanKey, scanText } from './scan-text.ts';
import { hasOrigin, hasParentSub, hasRightOrigin, Kind, kindBits, TypeRef } from './struct-format.ts';
import type { UpdateScan } from './update-scan.ts';

const cursor = new ByteCursor();
let limits: UpdateCounts = updateLimits;

/**
 * Reads `update` into `into`. False when it is not an update that Yjs can decode, holds what would harm a document, or
 * exceeds `updateLimits`; then `into.error` says what and `into.errorOffset` where, and the tables are empty. `counts`
 * replaces those limits that count things, up to `wholeDocumentCounts`.
 * Whether it can be integrated into a certain document is `DocumentState.admit`'s to say.
 */
export function scanUpdate(update: Uint8Array, into: UpdateScan, counts: UpdateCounts = updateLimits): boolean {
  cursor.open(update);
  limits = counts;
  into.reset();
  rootNames = 0;
  const accepted = scanSections(into) && scanDeleteSet(into);
  if (!accepted) {
    into.clear();
    into.error = cursor.error;
    into.errorOffset = cursor.errorOffset;
  }
  cursor.close();
  return accepted;
}

function scanSections(into: UpdateScan): boolean {
  const sections = readCount(cursor);
  if (sections < 0) return false;
  if (sections > limits.clientsMax) return cursor.refuse(scanErrors.clients);
  let lowest = Infinity;
  let seen: Set<number> | undefined;
  for (let section = 0; section < sections; section++) {
    const structs = readVarUint(cursor);
    if (structs < 0) return false;
    const client = readVarUint(cursor);
    if (client < 0) return false;
    const clock = readVarUint(cursor);
    if (clock < 0) return false;
    if (clock > updateLimits.clockMax) return cursor.refuse(scanErrors.clock);
    if (structs > cursor.end - cursor.at) return cursor.refuse(scanErrors.count);
    // Yjs writes clients in descending order, which makes each its own proof of being new.
    if (client < lowest) lowest = client;
    else seen ??= new Set(into.sectionClient.subarray(0, into.sectionCount));
    if (seen !== undefined) {
      if (seen.has(client)) return cursor.refuse(scanErrors.duplicateClient);
      seen.add(client);
    }
    into.addSection(client, clock, cursor.at, structs);
    if (!scanStructs(into, client, clock, structs)) return false;
  }
  return true;
}

function scanStructs(into: UpdateScan, client: number, start: number, structs: number): boolean {
  const bytes = cursor.bytes;
  let clock = start;
  let inRun = false;
  for (let struct = 0; struct < structs; struct++) {
    if (cursor.at >= cursor.end) return cursor.refuse(scanErrors.truncated);
    const info = bytes[cursor.at++]!;
    const kind = info & kindBits;
    let length: number;
    if (kind === Kind.gc || kind === Kind.skip) {
      // Yjs's two decoders disagree about these bits on a Skip, and no encoder sets them.
      if (info !== kind) return cursor.refuse(scanErrors.flags);
      length = scanRunLength();
    } else {
      if (!scanReferences(into, info, client, clock)) return false;
      length = scanContent(kind);
    }
    if (length < 0) return false;
    if (length === 0) return cursor.refuse(scanErrors.empty);
    const end = clock + length;
    if (end > updateLimits.clockMax) return cursor.refuse(scanErrors.clock);
    if (kind === Kind.skip) {
      inRun = false;
    } else {
      if (inRun) {
        into.runEnd[into.runCount - 1] = end;
      } else {
        into.addRun(client, clock, end);
        inRun = true;
      }
      if (kind <= Kind.deleted) into.addGone(client, clock, end);
    }
    clock = end;
  }
  return true;
}

/** Reads what an item refers to: its origins or else its parent, and the key if it is a map entry. */
function scanReferences(into: UpdateScan, info: number, client: number, clock: number): boolean {
  if ((info & hasOrigin) !== 0 && !scanReference(into, client, clock)) return false;
  if ((info & hasRightOrigin) !== 0 && !scanReference(into, client, clock)) return false;
  if ((info & (hasOrigin | hasRightOrigin)) !== 0) return true;
  const parentInfo = readVarUint(cursor);
  if (parentInfo < 0) return false;
  // Like Yjs: 1 is the name of a root type, anything else the id of a nested one.
  if (parentInfo === 1 ? !scanRootName() : !scanReference(into, client, clock)) return false;
  return (info & hasParentSub) === 0 || scanKey(cursor) >= 0;
}

/**
 * Reads an id that the item at (`client`, `clock`) builds upon. Yjs waits for other clients' structs, but looks its own
 * client's up without asking whether they are there, and throws halfway through the transaction.
 */
function scanReference(into: UpdateScan, client: number, clock: number): boolean {
  const toClient = readVarUint(cursor);
  if (toClient < 0) return false;
  const toClock = readVarUint(cursor);
  if (toClock < 0) return false;
  if (toClient === client) return toClock < clock || cursor.refuse(scanErrors.selfReference);
  if (toClock >= updateLimits.clockMax) return cursor.refuse(scanErrors.clock);
  into.addDep(clock, toClient, toClock);
  return true;
}

// Distinct root names of the update being read, as byte ranges of it.
let rootNames = 0;
const rootNameFrom = new Float64Array(wholeDocumentCounts.rootNamesMax);
const rootNameTo = new Float64Array(wholeDocumentCounts.rootNamesMax);

/** Reads the name of a root type; each distinct one becomes an entry in the document that never goes away. */
function scanRootName(): boolean {
  if (scanKey(cursor) < 0) return false;
  const to = cursor.at;
  const from = to - lastTextBytes();
  for (let name = rootNames - 1; name >= 0; name--) {
    if (sameBytes(rootNameFrom[name]!, rootNameTo[name]!, from, to)) return true;
  }
  if (rootNames === limits.rootNamesMax) return cursor.refuse(scanErrors.rootNames);
  rootNameFrom[rootNames] = from;
  rootNameTo[rootNames] = to;
  rootNames++;
  return true;
}

function sameBytes(aFrom: number, aTo: number, bFrom: number, bTo: number): boolean {
  if (aTo - aFrom !== bTo - bFrom) return false;
  const bytes = cursor.bytes;
  for (let a = aFrom, b = bFrom; a < aTo; a++, b++) {
    if (bytes[a] !== bytes[b]) return false;
  }
  return true;
}

/** Reads an item's content and answers how many clocks it takes, or -1. */
function scanContent(kind: number): number {
  switch (kind) {
    case Kind.text:
      return scanText(cursor);
    case Kind.any: {
      const count = readCount(cursor);
      for (let i = 0; i < count; i++) {
        if (!scanAny(cursor)) return -1;
      }
      return count;
    }
    case Kind.deleted:
      return scanRunLength();
    case Kind.format:
      return scanKey(cursor) >= 0 && scanJson(cursor, false) ? 1 : -1;
    case Kind.type:
      return scanType();
    case Kind.embed:
      return scanJson(cursor, false) ? 1 : -1;
    case Kind.binary: {
      const length = readByteLength(cursor);
      if (length < 0) return -1;
      cursor.at += length;
      return 1;
    }
    case Kind.json: {
      const count = readCount(cursor);
      for (let i = 0; i < count; i++) {
        if (!scanJson(cursor, true)) return -1;
      }
      return count;
    }
    case Kind.document:
      return scanText(cursor) >= 0 && scanDocumentOptions(cursor) ? 1 : -1;
    default:
      return cursor.fail(scanErrors.kind);
  }
}

function scanType(): number {
  const typeRef = readVarUint(cursor);
  if (typeRef < 0) return -1;
  if (typeRef > TypeRef.highest) return cursor.fail(scanErrors.typeRef);
  if ((typeRef === TypeRef.xmlElement || typeRef === TypeRef.xmlHook) && scanText(cursor) < 0) return -1;
  return 1;
}

/** Reads the length of content that takes no bytes: what 15 of them claim would make a victim's later edits vanish. */
function scanRunLength(): number {
  const length = readVarUint(cursor);
  if (length > updateLimits.runMax) return cursor.fail(scanErrors.run);
  return length;
}

function scanDeleteSet(into: UpdateScan): boolean {
  into.deleteSetOffset = cursor.at;
  const clients = readCount(cursor);
  if (clients < 0) return false;
  if (clients > limits.clientsMax) return cursor.refuse(scanErrors.clients);
  for (let i = 0; i < clients; i++) {
    const client = readVarUint(cursor);
    if (client < 0) return false;
    const ranges = readCount(cursor);
    if (ranges < 0) return false;
    if (into.deleteCount + ranges > limits.deleteRangesMax) return cursor.refuse(scanErrors.deleteRanges);
    for (let range = 0; range < ranges; range++) {
      const clock = readVarUint(cursor);
      if (clock < 0) return false;
      const length = scanRunLength();
      if (length < 0) return false;
      if (length === 0) return cursor.refuse(scanErrors.empty);
      if (clock + length > updateLimits.clockMax) return cursor.refuse(scanErrors.clock);
      into.addDelete(client, clock, length);
    }
  }
  return cursor.at === cursor.end || cursor.refuse(scanErrors.trailing);
}
