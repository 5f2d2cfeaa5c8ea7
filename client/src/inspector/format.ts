/** Numbers and times as people read them. */
import { systemClock } from '../clock.ts';

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

export function bytes(number: number): string {
  let value = number;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? Math.round(value) : value.toFixed(value < 10 ? 1 : 0)} ${units[unit] ?? ''}`;
}

export function count(value: number): string {
  return value < 10 && !Number.isInteger(value) ? value.toFixed(1) : Math.round(value).toLocaleString('en');
}

export function millis(ms: number | null): string {
  if (ms === null) return '–';
  return ms < 10 ? `${ms.toFixed(1)} ms` : ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

/** Local time; the day too where it is another. */
export function moment(time: number | string, now: number = systemClock.wallTime()): string {
  const at = new Date(time);
  const clock = at.toLocaleTimeString([], { hour12: false });
  return at.toDateString() === new Date(now).toDateString() ? clock : `${at.toLocaleDateString('sv')} ${clock}`;
}

export function several(number: number, one: string, many: string = `${one}s`): string {
  return `${count(number)} ${number === 1 ? one : many}`;
}
