/** Reads the CPU profiles that `node --cpu-prof` leaves, and adds up where the time went. */
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';

interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

const shownMax = 15;
/** A thread that has nothing to do: the event loop's, and that of piscina's workers. */
const waiting = /^(?:\(idle\)|atomicsWaitLoop )/;

/** One line per function, most time of its own first, for the event loops and for the worker threads. */
export async function hottestFunctions(folder: string): Promise<readonly string[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.cpuprofile'));
  const eventLoops = new Map<string, number>();
  const workers = new Map<string, number>();
  for (const name of names) {
    // CPU.DATE.TIME.PROCESS.THREAD.NUMBER.cpuprofile; the main thread is 0.
    const isWorker = name.split('.')[4] !== '0';
    const profile = JSON.parse(await readFile(join(folder, name), 'utf8')) as CpuProfile;
    addTo(isWorker ? workers : eventLoops, profile);
  }
  return [...linesFor('event loop', eventLoops), ...linesFor('workers', workers)];
}

function linesFor(title: string, usByFunction: ReadonlyMap<string, number>): readonly string[] {
  const busy = [...usByFunction].filter(([name]) => !waiting.test(name)).toSorted(([, a], [, b]) => b - a);
  const busyUs = busy.reduce((sum, [, us]) => sum + us, 0);
  const lines = busy.slice(0, shownMax).map(([name, us]) => {
    const share = ((us / busyUs) * 100).toFixed(1).padStart(5);
    return `  ${share} % ${(us / 1000).toFixed(0).padStart(6)} ms  ${name}`;
  });
  return [`${title}: ${(busyUs / 1000).toFixed(0)} ms busy`, ...lines];
}

function addTo(usByFunction: Map<string, number>, { nodes, samples, timeDeltas }: CpuProfile): void {
  const nameById = new Map(nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]));
  for (const [at, id] of samples.entries()) {
    const name = nameById.get(id) ?? '';
    usByFunction.set(name, (usByFunction.get(name) ?? 0) + (timeDeltas[at] ?? 0));
  }
}

function nameOf({ functionName, url, lineNumber }: CpuProfile['nodes'][number]['callFrame']): string {
  if (url === '') return functionName;
  const place = url.replace(/^.*\/(node_modules|dist\/src)\//, '').replace(/^file:\/\//, '');
  return `${functionName || '(anonymous)'} ${place}:${lineNumber + 1}`;
}
