/** What a process has used, from the operating system: its threads and its children together. */
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';

export interface CpuMark {
  /** In ticks of 10 ms, threads that ended included. */
  readonly ticksMs: number;
  /** Of each thread that runs, to the nanosecond. */
  readonly threadsNs: ReadonlyMap<string, number>;
}

/** Below this the ticks say too little, and the threads are added up. */
const ticksEnoughMs = 2000;

function readOr(path: string, otherwise: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return otherwise;
  }
}

export function cpuMark(pid: number): CpuMark {
  const stat = readOr(`/proc/${pid}/stat`, '');
  // The name in brackets may hold spaces: count from behind it. proc(5): 14 utime, 15 stime, 16 and 17 of dead children.
  const fields = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number);
  const [user = 0, system = 0, childUser = 0, childSystem = 0] = fields.slice(11, 15);
  const threadsNs = new Map<string, number>();
  let threads: string[] = [];
  try {
    threads = readdirSync(`/proc/${pid}/task`);
  } catch {
    // The process is gone.
  }
  for (const thread of threads) {
    threadsNs.set(thread, Number(readOr(`/proc/${pid}/task/${thread}/schedstat`, '0').split(' ', 1)[0]));
  }
  return { ticksMs: (user + system + childUser + childSystem) * 10, threadsNs };
}

/** CPU time between two marks (ms). */
export function cpuBetween(from: CpuMark, to: CpuMark): number {
  const ticks = to.ticksMs - from.ticksMs;
  const someEnded = [...from.threadsNs.keys()].some((thread) => !to.threadsNs.has(thread));
  if (someEnded || ticks >= ticksEnoughMs) return ticks;
  let ns = 0;
  for (const [thread, used] of to.threadsNs) ns += used - (from.threadsNs.get(thread) ?? 0);
  return ns / 1e6;
}

export function rssBytes(pid: number): number {
  return kiBOf(pid, 'VmRSS');
}

/** The most it ever had, since its start or the last `resetPeak`. */
export function peakBytes(pid: number): number {
  return kiBOf(pid, 'VmHWM');
}

export function resetPeak(pid: number): void {
  try {
    writeFileSync(`/proc/${pid}/clear_refs`, '5');
  } catch {
    // Not allowed here: the peak is then that since the start.
  }
}

function kiBOf(pid: number, field: string): number {
  const kiB = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(readOr(`/proc/${pid}/status`, ''))?.[1];
  return kiB === undefined ? Number.NaN : Number(kiB) * 1024;
}

/** What a stretch of a measurement has cost. */
export interface Cost {
  readonly wallMs: number;
  readonly serverCpuMs: number;
  /** Share of a core that the load generator used; near 1 it was the bottleneck. */
  readonly loadShare: number;
  /** How late its event loop was, 99th percentile (ms). */
  readonly loadLagMs: number;
}

const lagResolutionMs = 2;

/** Measures a stretch: of the server, and of the load generator itself. */
export class Meter {
  readonly #pid: number;
  readonly #from: CpuMark;
  readonly #wall: number = performance.now();
  readonly #own: NodeJS.CpuUsage = process.cpuUsage();
  readonly #lag: IntervalHistogram = monitorEventLoopDelay({ resolution: lagResolutionMs });

  constructor(pid: number) {
    this.#pid = pid;
    this.#from = cpuMark(pid);
    this.#lag.enable();
  }

  stop(): Cost {
    const wallMs = performance.now() - this.#wall;
    const own = process.cpuUsage(this.#own);
    this.#lag.disable();
    return {
      wallMs,
      serverCpuMs: cpuBetween(this.#from, cpuMark(this.#pid)),
      loadShare: (own.user + own.system) / 1000 / wallMs,
      loadLagMs: Math.max(0, this.#lag.percentile(99) / 1e6 - lagResolutionMs),
    };
  }
}
