import { seededRandom } from '@tideweave/shared';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { systemClock } from '../../src/clock.ts';
import { computeMergeReport } from '../../src/merge/merge-report.ts';
import { createMergeRunner } from '../../src/merge/merge-runner.ts';
import type { MergeRequest, MergeResponse } from '../../src/merge/merge-task.ts';
import { type WorkerEvents, type WorkerPort, startMergeWorker } from '../../src/merge/worker-port.ts';
import { Sides } from './sides.ts';

function someSides(seed: number): Sides {
  const random = seededRandom(seed);
  const sides = new Sides((doc) => doc.getText('t').insert(0, 'some text'));
  for (const doc of [sides.mine, sides.theirs]) {
    for (let i = 0; i < 20; i++) doc.getMap('m').set(`k${Math.floor(random() * 10)}`, random());
    doc.getText('t').insert(Math.floor(random() * 9), 'more');
  }
  return sides;
}

/** A worker that the test plays itself. */
class FakeWorker implements WorkerPort {
  readonly requests: MergeRequest[] = [];
  terminated = false;
  readonly events: WorkerEvents;

  constructor(events: WorkerEvents) {
    this.events = events;
  }

  post(message: unknown): void {
    this.requests.push(message as MergeRequest);
  }

  terminate(): void {
    this.terminated = true;
  }

  say(response: MergeResponse): void {
    this.events.message(response);
  }
}

function fakes(): { workers: FakeWorker[]; startWorker: (events: WorkerEvents) => WorkerPort } {
  const workers: FakeWorker[] = [];
  const startWorker = (events: WorkerEvents): WorkerPort => {
    const worker = new FakeWorker(events);
    workers.push(worker);
    return worker;
  };
  return { workers, startWorker };
}

async function reasonOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('it did not reject');
}

test('U4 the worker gives the same report as a direct call, one after another and at once', async () => {
  let started = 0;
  const runner = createMergeRunner({
    clock: systemClock,
    startWorker: (events) => {
      started++;
      return startMergeWorker(events);
    },
  });
  const inputs = [1, 2, 3, 4].map((seed) => someSides(seed).input);
  const reports = await Promise.all(inputs.map((input) => runner.compute(input)));
  inputs.forEach((input, at) => assert.equal(reports[at], computeMergeReport(input)));
  assert.ok(reports.every((report) => (report?.entries.length ?? 0) > 1));
  const [first] = inputs;
  assert.ok(first);
  assert.equal(await runner.compute(first), reports[0]);
  assert.is(started, 1);
  // The worker survives what it cannot apply.
  const broken = { ...first, base: [Uint8Array.of(1, 1, 1, 0, 255)] };
  assert.ok((await reasonOf(runner.compute(broken))).length > 0);
  assert.equal(await runner.compute(first), reports[0]);
  assert.is(started, 1);
  runner.close();
});

test('U4 nothing is started and nothing computed when one side changed', async () => {
  const { workers, startWorker } = fakes();
  const runner = createMergeRunner({ clock: systemClock, startWorker });
  const { input } = someSides(1);
  assert.is(await runner.compute({ ...input, theirs: [] }), null);
  assert.is(await runner.compute({ ...input, mine: [] }), null);
  assert.is(workers.length, 0);
  runner.close();
});

test('U4 where no worker can be started the report is computed in place', async () => {
  const { input } = someSides(1);
  const expected = computeMergeReport(input);
  const none = createMergeRunner({ clock: systemClock, startWorker: () => null });
  assert.equal(await none.compute(input), expected);
  const forbidden = createMergeRunner({
    clock: systemClock,
    startWorker: () => {
      throw new Error('SecurityError');
    },
  });
  assert.equal(await forbidden.compute(input), expected);
  const { workers, startWorker } = fakes();
  const missing = createMergeRunner({ clock: systemClock, startWorker });
  const first = missing.compute(input);
  await Promise.resolve();
  workers[0]?.events.failed('404');
  assert.equal(await first, expected);
  assert.equal(await missing.compute(input), expected);
  assert.is(workers.length, 1, 'and it is not tried again');
});

test('R6 a report that takes too long is given up with its worker, and the next one gets another', async () => {
  const { workers, startWorker } = fakes();
  const runner = createMergeRunner({ clock: systemClock, startWorker, timeoutMs: 20 });
  const { input } = someSides(1);
  const slow = runner.compute(input);
  const next = runner.compute(input);
  assert.match(await reasonOf(slow), /longer than 20 ms/);
  const [first, second] = workers;
  assert.ok(first?.terminated && second);
  const report = computeMergeReport(input);
  first.say({ n: 1, report: { ...report, conflicts: 99 } });
  second.say({ ready: true });
  second.say({ n: 2, report });
  assert.equal(await next, report);
  runner.close();
  assert.ok(second.terminated);
});

test('R1 a worker that dies fails its report only; closing fails what waits', async () => {
  const { workers, startWorker } = fakes();
  const runner = createMergeRunner({ clock: systemClock, startWorker });
  const { input } = someSides(1);
  const dying = runner.compute(input);
  workers[0]?.say({ ready: true });
  workers[0]?.events.failed('out of memory');
  assert.match(await reasonOf(dying), /out of memory/);
  const waiting = [runner.compute(input), runner.compute(input)].map(reasonOf);
  assert.is(workers.length, 2);
  runner.close();
  assert.equal(await Promise.all(waiting), ['the merge runner was closed', 'the merge runner was closed']);
  assert.match(await reasonOf(runner.compute(input)), /closed/);
});

test('R6 an idle worker is ended', async () => {
  const { workers, startWorker } = fakes();
  const runner = createMergeRunner({ clock: systemClock, startWorker, idleMs: 5 });
  const { input } = someSides(1);
  const computed = runner.compute(input);
  workers[0]?.say({ ready: true });
  workers[0]?.say({ n: 1, report: computeMergeReport(input) });
  await computed;
  await new Promise((resolve) => setTimeout(resolve, 40));
  assert.ok(workers[0]?.terminated);
  runner.close();
});

test.run();
