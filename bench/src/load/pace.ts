/** When what is sent. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Participant } from './participant.ts';

export interface Line {
  readonly writer: Participant;
  readonly frames: readonly Uint8Array[];
  /** Called as a frame goes out. */
  readonly onSent: (index: number, now: number) => void;
}

const tickMs = 1;
const burstBytes = 64 * 1024;

/** Sends everybody's frames in turn at so many a second together, as they fall due. Returns how late the last was (ms). */
export async function pace(lines: readonly Line[], perSecond: number): Promise<number> {
  const total = lines.reduce((sum, { frames }) => sum + frames.length, 0);
  const next = lines.map(() => 0);
  const start = performance.now();
  let sent = 0;
  let turn = 0;
  while (sent < total) {
    const now = performance.now();
    const due = Math.min(total, Math.floor(((now - start) * perSecond) / 1000) + 1);
    while (sent < due) {
      const at = turn++ % lines.length;
      const line = lines[at];
      const index = next[at] ?? 0;
      const frame = line?.frames[index];
      if (line === undefined || frame === undefined) continue;
      next[at] = index + 1;
      sent++;
      line.onSent(index, now);
      line.writer.socket.write(frame);
    }
    if (sent < total) await sleep(tickMs);
  }
  return performance.now() - start - ((total - 1) * 1000) / perSecond;
}

/** Sends everything as fast as the sockets take it, each writer in pieces of 64 KiB. */
export async function burst(lines: readonly Line[]): Promise<void> {
  await Promise.all(
    lines.map(async ({ writer, frames, onSent }) => {
      for (let from = 0; from < frames.length;) {
        const now = performance.now();
        const piece: Uint8Array[] = [];
        let bytes = 0;
        let to = from;
        for (; to < frames.length && bytes < burstBytes; to++) {
          const frame = frames[to] ?? new Uint8Array();
          piece.push(frame);
          bytes += frame.length;
          onSent(to, now);
        }
        from = to;
        await writer.socket.writePaced(Buffer.concat(piece));
      }
    }),
  );
}
