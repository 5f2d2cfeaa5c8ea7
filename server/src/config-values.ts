/** Reads and shows the values of settings: sizes, durations, origins, hosts. Pure; config.ts says which setting takes which. */
import { BlockList, isIP } from 'node:net';

export const KiB: number = 1024;
export const MiB: number = 1024 * KiB;
export const GiB: number = 1024 * MiB;
export const byteUnits: ReadonlyMap<string, number> = new Map([
  ['GiB', GiB],
  ['MiB', MiB],
  ['KiB', KiB],
  ['B', 1],
]);
export const secondMs: number = 1000;
export const dayMs: number = 24 * 3600 * secondMs;
export const durationUnits: ReadonlyMap<string, number> = new Map([
  ['h', 3600 * secondMs],
  ['m', 60 * secondMs],
  ['s', secondMs],
  ['ms', 1],
]);

/** Writes a number in the largest unit that divides it, as `parseMeasure` reads it. */
export function showMeasure(value: number, units: ReadonlyMap<string, number>): string {
  for (const [unit, size] of units) if (value > 0 && value % size === 0) return `${value / size}${unit}`;
  return String(value);
}

/** Reads `16MiB` or a bare number; NaN when it is neither. */
export function parseMeasure(text: string, units: ReadonlyMap<string, number>): number {
  const match = /^(\d+)([A-Za-z]*)$/.exec(text);
  const size = match?.[2] === '' ? 1 : units.get(match?.[2] ?? '');
  return match && size !== undefined ? Number(match[1]) * size : Number.NaN;
}

const hostName = /^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?\.?$/i;

/** An address or a name that could be one; whether it exists shows when the relay listens. */
export function isHost(text: string): boolean {
  return isIP(text) !== 0 || hostName.test(text);
}

/** Browsers send `Origin` in lower case and without a default port, so that is how it is compared. */
export function normalizeOrigin(text: string): string | null {
  if (!/^[a-z][a-z0-9+.-]*:\/\/[^/?#\s]+\/?$/i.test(text)) return null;
  if (!/^https?:/i.test(text)) return text.toLowerCase().replace(/\/$/, '');
  return URL.canParse(text) ? new URL(text).origin : null;
}

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/** Whether only this machine can reach what listens there. A name other than localhost is not looked up: it counts as reachable. */
export function isLoopbackHost(host: string): boolean {
  if (/^localhost\.?$/i.test(host)) return true;
  const family = isIP(host);
  return family !== 0 && loopback.check(host, family === 4 ? 'ipv4' : 'ipv6');
}

/** Levenshtein's distance, one row at a time. */
export function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
