/**
 * What a loss of power leaves of a folder, decided from a trace of what a process did to its files (power-loss.c).
 *
 * The disk is that of a journaling file system: creating, renaming and removing files survives in order, up to a random
 * point after the last that a sync has made durable; of what was written to a file since its last sync, random parts
 * survive, torn at sectors and with zeros in between.
 */
import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import type { Random } from '@tideweave/shared';

const sectorBytes = 512;
const headBytes = 21;
const root = fileURLToPath(new URL('../../../../', import.meta.url));
const source = fileURLToPath(new URL('../../../test/storage/power-loss.c', import.meta.url));

/** Compiles the library to preload. Fails, naming what is missing, where there is no compiler. */
export async function buildShim(folder: string): Promise<string> {
  const run = promisify(execFile);
  const tools = join(root, 'scripts/system-tools.mjs');
  const { stdout } = await run(process.execPath, [tools, 'compiler']);
  const library = join(folder, 'power-loss.so');
  await run(stdout.trim(), ['-O1', '-Wall', '-shared', '-fPIC', '-o', library, source, '-ldl']);
  return library;
}

/** Environment for a process whose files are watched. */
export function shimEnvironment(library: string, folder: string, trace: string): Record<string, string> {
  return { LD_PRELOAD: library, POWER_FOLDER: `${folder}/`, POWER_TRACE: trace, UV_USE_IO_URING: '0' };
}

interface TraceEntry {
  readonly kind: string;
  readonly inode: number;
  readonly offset: number;
  readonly bytes: Buffer;
}

interface FileState {
  readonly synced: Content;
  /** Writes and cuts since the last sync, by their place in the trace. */
  pending: { readonly at: number; readonly entry: TraceEntry }[];
}

/** What happened, for reports. */
export interface PowerLoss {
  readonly entries: number;
  readonly syncs: number;
  readonly bytesLost: number;
  readonly filesChangedLost: number;
}

/** Builds in `to` what a loss of power leaves of `from` as it was before the trace began. */
export async function afterPowerLoss(from: string, trace: string, to: string, random: Random): Promise<PowerLoss> {
  const entries = parseTrace(await readFile(trace));
  const before = new Map<string, Buffer>();
  for (const name of await readdir(from)) before.set(name, await readFile(join(from, name)));
  const disk = new Disk(before);
  const durable = disk.replay(entries);
  const names = disk.namesAfter(durable + Math.floor(random() * (disk.metadata.length - durable + 1)));

  await mkdir(to);
  let bytesLost = 0;
  for (const [name, id] of names) {
    const file = disk.files.get(id);
    if (file === undefined) continue;
    const { bytes, lost } = tornContent(file, random);
    bytesLost += lost;
    await writeFile(join(to, name), bytes);
  }
  const syncs = entries.filter(({ kind }) => kind === 'E').length;
  return { entries: entries.length, syncs, bytesLost, filesChangedLost: disk.metadata.length - durable };
}

type Id = string;

interface Metadata {
  readonly at: number;
  readonly id: Id | null;
  apply(names: Map<string, Id>): void;
}

class Disk {
  readonly files = new Map<Id, FileState>();
  readonly metadata: Metadata[] = [];
  readonly #first = new Map<string, Id>();
  /** Inodes are used again: which file each is now. */
  readonly #ids = new Map<number, Id>();
  #created = 0;

  constructor(before: ReadonlyMap<string, Buffer>) {
    for (const [name, bytes] of before) {
      this.#first.set(name, name);
      this.files.set(name, { synced: new Content(bytes), pending: [] });
    }
  }

  /** Takes in all entries; returns how many changes of names are durable for certain. */
  replay(entries: readonly TraceEntry[]): number {
    const names = new Map(this.#first);
    const begun = new Map<number, number>();
    let durable = 0;
    for (const [at, entry] of entries.entries()) {
      const { kind, inode, offset, bytes } = entry;
      switch (kind) {
        case 'C': {
          this.#created += 1;
          const id = `created ${this.#created}`;
          this.#ids.set(inode, id);
          this.files.set(id, { synced: new Content(Buffer.alloc(0)), pending: [] });
          this.#change(names, { at, id, apply: (all) => void all.set(bytes.toString(), id) });
          break;
        }
        case 'O':
          this.#ids.set(inode, names.get(bytes.toString()) ?? bytes.toString());
          break;
        case 'W':
        case 'T':
          this.#fileOf(inode).pending.push({ at, entry });
          break;
        case 'R': {
          const [a = '', b = ''] = bytes.toString().split('\0');
          this.#change(names, {
            at,
            id: null,
            apply: (all) => {
              const moved = all.get(a);
              if (moved !== undefined) all.set(b, moved);
              all.delete(a);
            },
          });
          break;
        }
        case 'U':
          this.#change(names, { at, id: null, apply: (all) => void all.delete(bytes.toString()) });
          break;
        case 'S':
        case 'D':
          begun.set(offset, at);
          break;
        case 'E': {
          const since = begun.get(offset) ?? at;
          if (inode > 1) this.#sync(inode, since);
          // A sync of a file commits the journal up to the file's own creation, one of the folder all of it.
          const id = inode > 1 ? this.#ids.get(inode) : null;
          const committed = this.metadata.findLastIndex((each) => each.at < since && (inode === 1 || each.id === id));
          durable = Math.max(durable, committed + 1);
          break;
        }
        default:
          throw new Error(`the trace has an entry ${JSON.stringify(kind)}`);
      }
    }
    return durable;
  }

  /** The names of files after so many changes. */
  namesAfter(changes: number): Map<string, Id> {
    const names = new Map(this.#first);
    for (const change of this.metadata.slice(0, changes)) change.apply(names);
    return names;
  }

  #change(names: Map<string, Id>, change: Metadata): void {
    this.metadata.push(change);
    change.apply(names);
  }

  #fileOf(inode: number): FileState {
    const file = this.files.get(this.#ids.get(inode) ?? '');
    if (file === undefined) throw new Error(`the trace writes to inode ${inode}, which it has not seen opened`);
    return file;
  }

  #sync(inode: number, since: number): void {
    const file = this.#fileOf(inode);
    const covered = file.pending.filter(({ at }) => at < since);
    file.pending = file.pending.filter(({ at }) => at >= since);
    for (const { entry } of covered) file.synced.apply(entry);
  }
}

/** What was synced, and random parts of what was not. */
function tornContent({ synced, pending }: FileState, random: Random): { bytes: Buffer; lost: number } {
  const content = new Content(synced.bytes);
  let lost = 0;
  const fate = random();
  for (const { entry } of pending) {
    const { kind, offset, bytes: written } = entry;
    if (kind === 'T') {
      if (random() < 0.5) content.apply(entry);
      continue;
    }
    for (let at = 0; at < written.byteLength;) {
      const end = Math.min(written.byteLength, at + sectorBytes - ((offset + at) % sectorBytes));
      // Of some files all is lost or nothing, of others any sector.
      if (random() < (fate < 0.25 ? 0 : fate > 0.75 ? 1 : 0.5)) {
        content.apply({ ...entry, offset: offset + at, bytes: written.subarray(at, end) });
      } else {
        lost += end - at;
      }
      at = end;
    }
  }
  return { bytes: content.bytes, lost };
}

/** Bytes of a file, to be written to in place. */
class Content {
  #buffer: Buffer;
  #length: number;

  constructor(bytes: Buffer) {
    this.#buffer = Buffer.from(bytes);
    this.#length = bytes.byteLength;
  }

  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  apply({ kind, offset, bytes }: TraceEntry): void {
    if (kind === 'T') {
      this.#resize(offset);
      return;
    }
    this.#resize(Math.max(this.#length, offset + bytes.byteLength));
    this.#buffer.set(bytes, offset);
  }

  #resize(length: number): void {
    if (length > this.#buffer.byteLength) {
      const grown = Buffer.alloc(Math.max(length, 2 * this.#buffer.byteLength));
      grown.set(this.bytes);
      this.#buffer = grown;
    }
    if (length < this.#length) this.#buffer.fill(0, length, this.#length);
    this.#length = length;
  }
}

/** The whole entries of a trace; the last may be cut off where the process was killed. */
function parseTrace(trace: Buffer): TraceEntry[] {
  const entries: TraceEntry[] = [];
  for (let at = 0; at + headBytes <= trace.byteLength;) {
    const length = trace.readUInt32LE(at + 17);
    if (at + headBytes + length > trace.byteLength) break;
    entries.push({
      kind: String.fromCharCode(trace[at] ?? 0),
      inode: Number(trace.readBigUInt64LE(at + 1)),
      offset: Number(trace.readBigUInt64LE(at + 9)),
      bytes: trace.subarray(at + headBytes, at + headBytes + length),
    });
    at += headBytes + length;
  }
  return entries;
}
