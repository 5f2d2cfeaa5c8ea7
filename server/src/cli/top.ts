/** `tideweave top`: how a running relay is doing, a line a second. */
import type { FiguresPage, FiguresSample } from '@tideweave/shared';

import type { FolderCommandOutput } from './folder-command.ts';
import { askRelay } from './inspect.ts';
import { pause } from './interruptible.ts';
import type { RelaySettings } from './relay-commands.ts';

export interface TopSettings extends RelaySettings {
  /** How many lines; null until it is interrupted. */
  readonly count: number | null;
}

const everyMs = 1000;
/** The names of the columns are repeated, as on a terminal they scroll away. */
const headEvery = 20;

/** Returns the exit code. */
export function top(settings: TopSettings, output: FolderCommandOutput): Promise<number> {
  return askRelay(settings, output, async (relay, signal) => {
    let shown = 0;
    for (let after = 0; !signal.aborted;) {
      const { samples } = await relay.json<FiguresPage>(`/api/admin/figures?after=${after}`);
      // Who looked before has left samples; a newcomer wants to know how it is now.
      for (const sample of after === 0 ? samples.slice(-1) : samples) {
        if (!settings.json && shown % headEvery === 0) output.writeOut(head);
        output.writeOut(settings.json ? `${JSON.stringify(sample)}\n` : line(sample));
        shown += 1;
        if (shown === settings.count) return;
      }
      after = samples.at(-1)?.time ?? after;
      await pause(everyMs, signal);
    }
  });
}

/** Each with its width and what it shows. */
const columns: readonly (readonly [name: string, width: number, show: (sample: FiguresSample) => string])[] = [
  ['updates/s', 10, ({ perSecond }) => perSecond.updates.toFixed(0)],
  ['deliveries/s', 13, ({ perSecond }) => perSecond.deliveries.toFixed(0)],
  ['ack p99 ms', 11, ({ ackMs }) => millis(ackMs.p99)],
  ['loop p99 ms', 12, ({ eventLoopMs }) => millis(eventLoopMs?.p99 ?? null)],
  ['sockets', 8, ({ connections }) => String(connections)],
  ['documents', 10, ({ rooms }) => String(rooms)],
  ['waiting KiB', 12, ({ socketBufferBytes }) => (socketBufferBytes / 1024).toFixed(0)],
  ['RSS MiB', 8, ({ residentBytes }) => (residentBytes / 1024 ** 2).toFixed(0)],
  ['cpu', 5, ({ cpu }) => cpu.toFixed(2)],
  ['refused/s', 10, ({ perSecond }) => perSecond.refusals.toFixed(0)],
];

const head = `${'time'.padEnd(8)}${columns.map(([name, width]) => name.padStart(width)).join('')}\n`;

function line(sample: FiguresSample): string {
  const time = new Date(sample.time).toISOString().slice(11, 19);
  const failing = sample.storageWorks ? '' : '  THE STORAGE FAILS';
  return `${time}${columns.map(([, width, show]) => show(sample).padStart(width)).join('')}${failing}\n`;
}

function millis(ms: number | null): string {
  return ms === null ? '-' : ms.toFixed(1);
}
