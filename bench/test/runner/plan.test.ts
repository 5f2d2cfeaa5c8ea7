import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { UsageError, parseArguments } from '../../src/runner/arguments.ts';
import { plan } from '../../src/runner/plan.ts';
import { workloads } from '../../src/workloads/workloads.ts';

const planned = (...args: string[]): ReturnType<typeof plan> =>
  plan(workloads, parseArguments(args, '/from', [...workloads.map(({ id }) => id), 'micro']));

test('W0 every server begins in one of the rounds', () => {
  const jobs = planned('--workload', 'w2', '--variant', 'burst', '--peers', 'tideweave', 'bare', '--rounds', '2');
  assert.equal(
    jobs.map(({ peer, round }) => `${round} ${peer}`),
    ['0 tideweave', '0 bare', '1 bare', '1 tideweave'],
  );
});

test('W0 variants are chosen by a part of their name, and one that there is not is a mistake', () => {
  const jobs = planned('--workload', 'w8', '--variant', '64 devices', '--peers', 'tideweave', '--rounds', '1');
  assert.equal(
    jobs.map(({ workload, variant }) => `${workload.id} ${variant.name}`),
    ['w8 64 devices, 200 keystrokes each'],
  );
  assert.throws(
    () => planned('--variant', '65 devices'),
    (error: unknown) => error instanceof UsageError,
  );
  assert.is(planned('--workload', 'micro').length, 0);
});

test.run();
