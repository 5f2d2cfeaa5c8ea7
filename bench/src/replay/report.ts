/** A run's report for people: one figure a line, with what it means. */
import type { ClientKind } from './peer.ts';
import type { RunReport } from './run.ts';

const integer = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });

export function count(value: number): string {
  return integer.format(value);
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`;
}

function bytes(value: number): string {
  if (value < 10_000) return `${count(value)} B`;
  return value < 10_000_000 ? `${(value / 1000).toFixed(1)} kB` : `${(value / 1e6).toFixed(1)} MB`;
}

/** `tideweave writes, y-websocket reads`, or who each of the people is. */
export function describeClients(kind: RunReport['kind'], clients: readonly ClientKind[]): string {
  return kind === 'sequential' ? `${clients[0]} writes, ${clients[1]} reads` : `people: ${clients.join(', ')}`;
}

export function formatReport(report: RunReport): string {
  const { edits, live, relay, restart } = report;
  const rate = (ms: number): string => `${seconds(ms)}, ${count((edits / ms) * 1000)} edits/s`;
  const lines: [string, string][] = [
    ['typed', rate(report.typedMs)],
    ['every replica identical', rate(report.identicalMs)],
    ['everything durable', rate(report.durableMs)],
  ];
  for (const [at, peer] of report.traffic.entries()) {
    const sent = `sent ${bytes(peer.sentBytes)} in ${count(peer.sentFrames)} frames`;
    const received = `received ${bytes(peer.receivedBytes)} in ${count(peer.receivedFrames)}`;
    lines.push([`peer ${at} (${report.clients[at]})`, `${sent}, ${received}`]);
  }
  if (report.troubles > 0) lines.push(['connections lost or refused', count(report.troubles)]);
  const folder = live.folderBytes === null ? '' : `; data folder ${bytes(live.folderBytes)}`;
  lines.push(['log while live', `${count(live.entries)} entries; snapshot and tail ${bytes(live.bytes)}${folder}`]);
  if (relay.cpuMs !== null && relay.peakBytes !== null) {
    lines.push(['relay process', `${seconds(relay.cpuMs)} of CPU, at most ${bytes(relay.peakBytes)} of memory`]);
  }
  if (restart !== null) {
    const { head } = restart;
    if (head !== null) {
      const { snapshotSeq, snapshotBytes, lastSeq, firstSeq, tailBytes } = head;
      const kept = lastSeq - firstSeq + 1;
      lines.push(
        ['snapshot', `entries 1 to ${count(snapshotSeq)} of ${count(lastSeq)} in ${bytes(snapshotBytes)}`],
        [
          'log behind it',
          `tail ${bytes(tailBytes)}; ${count(kept)} raw entries kept for resuming, ${count(firstSeq - 1)} dropped`,
        ],
      );
    }
    lines.push(['stopped by SIGTERM', `after ${count(restart.stopMs)} ms; data folder ${bytes(restart.folderBytes)}`]);
    for (const [at, open] of restart.opens.entries()) {
      const how = at === 0 ? 'cold' : 'loaded already';
      lines.push([
        `fresh ${open.client}`,
        `synced after ${open.ms.toFixed(0)} ms (${how}), ${bytes(open.receivedBytes)}; identical`,
      ]);
    }
  } else {
    lines.push(['restart', 'left out: the relay is not ours']);
    if (report.leftBehind !== null) lines.push(['document left behind', report.leftBehind]);
  }
  const width = Math.max(...lines.map(([label]) => label.length));
  const title = `${report.trace}: ${count(edits)} edits, ${describeClients(report.kind, report.clients)}`;
  const body = lines.map(([label, value]) => `  ${label.padEnd(width)}  ${value}`);
  return [title, ...body, `  ${'result'.padEnd(width)}  ok, ${count(report.characters)} characters`].join('\n');
}
