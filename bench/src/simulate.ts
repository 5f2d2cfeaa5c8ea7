/** `npm run simulate`: see `--help`. */
import { runSeed } from './simulation/run.ts';
import './simulation/transitions.ts';

const [from = 1, count = 1, trace] = process.argv.slice(2).map(Number);
const started = performance.now();
const faults = new Map<string, number>();
let failed = 0;
for (let seed = from; seed < from + count; seed++) {
  const t = performance.now();
  const outcome = await runSeed(seed, { trace: trace === 1 });
  if (trace === 1) console.log(outcome.trace.join('\n'));
  if (count <= 20) console.log(seed, outcome.steps, outcome.edits, outcome.virtualMs, performance.now() - t);
  for (const [k, v] of outcome.faults) faults.set(k, (faults.get(k) ?? 0) + v);
  if (outcome.violation !== null) {
    failed++;
    console.log(seed, outcome.violation.promise, outcome.violation.atMs, outcome.violation.what);
  }
}
console.log([...faults].map(([k, v]) => `${k} ${v}`).join(', '));
const cpu = process.cpuUsage();
console.log({
  failed,
  cpuMsPerSeed: (cpu.user + cpu.system) / 1000 / count,
  msPerSeed: (performance.now() - started) / count,
});
import { unusedTransitions } from './simulation/transitions.ts';
console.log(unusedTransitions());
