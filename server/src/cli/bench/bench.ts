/** `tideweave bench`: people who type and people who read, on a relay of its own or on one that runs. */
import { randomInt } from 'node:crypto';
import { tmpdir } from 'node:os';
import type { FiguresPage } from '@tideweave/shared';
import { exitCodes, type FolderCommandOutput, terminal } from '../folder-command.ts';
import { interruptible, pause } from '../interruptible.ts';
import { Progress } from '../progress.ts';
import { RelayClient } from '../relay-client.ts';
import { BenchDocument } from './bench-document.ts';
import { startOwnRelay } from './own-relay.ts';

export interface BenchSettings {
  /** Null for a relay of its own. */
  readonly url: string | null;
  readonly token: string;
  /** Folder in which the relay of its own gets one; null for the system's. */
  readonly data: string | null;
  readonly documents: number;
  /** Of each document. */
  readonly readers: number;
  /** Characters typed per second, in all documents together. */
  readonly rate: number;
  readonly seconds: number;
  readonly json: boolean;
}

/** Times in ms. */
interface Times {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

export interface BenchReport {
  readonly url: string;
  readonly documents: number;
  readonly readers: number;
  readonly seconds: number;
  readonly sent: number;
  readonly acknowledged: number;
  readonly acknowledgedPerSecond: number;
  readonly deliveriesPerSecond: number;
  /** From sending an edit until it was told to be durable. */
  readonly ackMs: Times;
  /** From sending an edit until a reader had it. */
  readonly deliveryMs: Times;
  /** Processors that the relay took on average; null where it does not tell. */
  readonly relayCpu: number | null;
  /** Edits that were told to be durable, and were not there when the documents were read back. */
  readonly missing: number;
  /** What was sent of what should have been: below 1, this program was what could not do more. */
  readonly shareSent: number;
}

const tickMs = 2;
/** How long answers are waited for at the end. */
const settleMs = 15_000;

/** Returns the exit code. */
export function bench(settings: BenchSettings, output: FolderCommandOutput): Promise<number> {
  return interruptible(
    output,
    (error) => (error instanceof Error ? error.message : 'it failed'),
    async (signal) => {
      const own = settings.url === null ? await startOwnRelay(settings.data ?? tmpdir()) : null;
      try {
        const url = own?.url ?? settings.url ?? '';
        const report = await measure(url, settings, signal);
        if (report === null) return exitCodes.clean;
        output.writeOut(settings.json ? `${JSON.stringify(report)}\n` : describe(report, own !== null));
        return report.missing > 0 || report.acknowledged < report.sent ? exitCodes.findings : exitCodes.clean;
      } finally {
        await own?.end();
      }
    },
  );
}

/** Null when it is interrupted. */
async function measure(url: string, settings: BenchSettings, signal: AbortSignal): Promise<BenchReport | null> {
  const { token, documents: count, readers, rate, seconds, json } = settings;
  const relay = new RelayClient(url, token);
  const run = randomInt(2 ** 31);
  let failure: Error | null = null;
  const documents = Array.from(
    { length: count },
    (_, index) =>
      new BenchDocument({
        name: `tideweave-bench-${run}-${index}`,
        client: run + index,
        url: url.replace(/^http/, 'ws'),
        token,
        readers,
        failed: (error) => (failure ??= error),
      }),
  );
  const check = (): void => {
    if (failure !== null) throw failure;
  };
  const write = terminal(json);
  const opening = new Progress('opening', count, write);
  const typing = new Progress('typing', rate * seconds, write);
  try {
    for (const [index, document] of documents.entries()) {
      if (signal.aborted) return null;
      await document.begin();
      opening.show(index + 1);
    }
    opening.end();
    // The first look: its samples begin here.
    await figures(relay);
    const startMs = performance.now();
    const total = rate * seconds;
    let sent = 0;
    for (let ms = 0; ms < seconds * 1000 && !signal.aborted; ms = performance.now() - startMs) {
      check();
      const due = Math.min(total, Math.floor((ms * rate) / 1000) + 1);
      for (; sent < due; sent += 1) documents[sent % count]?.type();
      typing.show(sent);
      await pause(tickMs, signal);
    }
    const tookSeconds = (performance.now() - startMs) / 1000;
    typing.end();
    if (signal.aborted) return null;
    const samples = await figures(relay);
    for (let ms = 0; ms < settleMs && documents.some(({ isComplete }) => !isComplete); ms += 10) {
      check();
      await pause(10, signal);
    }
    let missing = 0;
    for (const document of documents) {
      const response = await relay.fetch(`/api/docs/${document.name}/update`);
      missing += document.missingFrom(new Uint8Array(await response.arrayBuffer()));
    }
    const sum = (of: (document: BenchDocument) => number): number =>
      documents.reduce((all, document) => all + of(document), 0);
    const acknowledged = sum((document) => document.acknowledged);
    const cpu = samples?.map((sample) => sample.cpu) ?? [];
    return {
      url,
      documents: count,
      readers,
      seconds,
      sent,
      acknowledged,
      acknowledgedPerSecond: acknowledged / tookSeconds,
      deliveriesPerSecond: sum(({ delivered }) => delivered) / tookSeconds,
      ackMs: times(documents.flatMap(({ ackMs }) => ackMs)),
      deliveryMs: times(documents.flatMap(({ deliveryMs }) => deliveryMs)),
      relayCpu: cpu.length === 0 ? null : cpu.reduce((all, each) => all + each, 0) / cpu.length,
      missing,
      shareSent: sent / total,
    };
  } finally {
    for (const document of documents) document.end();
    for (const { name } of documents) {
      await relay.fetch(`/api/docs/${name}`, { method: 'DELETE' }).catch(() => undefined);
    }
  }
}

/** Null where the relay does not tell, as this is not who looks after it. */
async function figures(relay: RelayClient): Promise<FiguresPage['samples'] | null> {
  return relay.json<FiguresPage>('/api/admin/figures').then(
    ({ samples }) => samples,
    () => null,
  );
}

function times(ms: number[]): Times {
  const sorted = Float64Array.from(ms).sort();
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
  return { p50: at(0.5), p99: at(0.99), max: at(1) };
}

function describe(report: BenchReport, isOwn: boolean): string {
  const { documents, readers, seconds, sent, acknowledged, missing, shareSent, relayCpu } = report;
  const per = (rate: number): string => `${rate.toFixed(0)}/s`;
  const line = ({ p50, p99, max }: Times): string =>
    `p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms, longest ${max.toFixed(1)} ms`;
  const lines = [
    `relay         ${isOwn ? 'of its own, ended again' : report.url}`,
    `load          ${documents} documents, each with 1 writer and ${readers} readers, for ${seconds} s`,
    `durable       ${per(report.acknowledgedPerSecond)}: ${acknowledged} of ${sent} edits`,
    `acknowledged  ${line(report.ackMs)}`,
    `delivered     ${per(report.deliveriesPerSecond)}: ${line(report.deliveryMs)}`,
    ...(relayCpu === null ? [] : [`processors    ${relayCpu.toFixed(2)} busy with the relay`]),
    `read back     ${missing === 0 ? 'every acknowledged edit is there' : `${missing} ACKNOWLEDGED EDITS ARE MISSING`}`,
  ];
  if (shareSent < sentShareMin) {
    const percent = (shareSent * 100).toFixed(0);
    lines.push(`note          this program could send ${percent} % only: the relay may take more than this shows`);
  }
  return `${lines.join('\n')}\n`;
}

const sentShareMin = 0.98;
