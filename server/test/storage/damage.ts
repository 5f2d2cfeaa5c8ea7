/** Damage to files, from a seed. */
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { Random } from '@tideweave/shared';

export const faults = ['flipped bit', 'zeroed block', 'torn tail', 'truncated', 'deleted'] as const;
export type Fault = (typeof faults)[number];

export const fileKinds = {
  log: /^\d+\.log$/,
  table: /^\d+\.ldb$/,
  manifest: /^MANIFEST-\d+$/,
  current: /^CURRENT$/,
} as const;
export type FileKind = keyof typeof fileKinds;

const diskBlockBytes = 4096;
const tornBytesMax = 300;

/** Damages one file of a kind, and says what it did. */
export async function damage(path: string, kind: FileKind, fault: Fault, random: Random): Promise<string> {
  const names = (await readdir(path)).filter((name) => fileKinds[kind].test(name)).toSorted();
  const name = names[Math.floor(random() * names.length)];
  if (name === undefined) throw new Error(`there is no ${kind} in ${path}`);
  const file = join(path, name);
  const bytes = await readFile(file);
  const at = Math.floor(random() * bytes.byteLength);
  // Written as a new file: tables of copies may be links.
  await rm(file);
  switch (fault) {
    case 'flipped bit':
      bytes[at] = (bytes[at] ?? 0) ^ (1 << Math.floor(random() * 8));
      await writeFile(file, bytes);
      return `${name}: ${fault} at ${at} of ${bytes.byteLength}`;
    case 'zeroed block': {
      const from = at - (at % diskBlockBytes);
      await writeFile(file, bytes.fill(0, from, Math.min(bytes.byteLength, from + diskBlockBytes)));
      return `${name}: ${fault} at ${from} of ${bytes.byteLength}`;
    }
    case 'torn tail':
    case 'truncated': {
      const torn = bytes.byteLength - 1 - Math.floor(random() * tornBytesMax);
      const length = fault === 'truncated' ? at : Math.max(0, torn);
      await writeFile(file, bytes.subarray(0, length));
      return `${name}: cut to ${length} of ${bytes.byteLength}`;
    }
    case 'deleted':
      return `${name}: deleted`;
  }
}
