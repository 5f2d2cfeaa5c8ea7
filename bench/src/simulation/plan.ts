/** What is to happen in a world, fixed before it begins: a list of steps that can be shrunk by leaving some out. */
import { Dice } from './dice.ts';
import type { Settings } from './settings.ts';

/** What people do, and what goes wrong. */
export type StepKind = keyof typeof editWeights | keyof typeof faultWeights;

export interface Step {
  readonly atMs: number;
  readonly kind: StepKind;
  /** Index of the device and the document it is about, where it is about one. */
  readonly device: number;
  readonly document: number;
  /** How long it lasts, where it lasts (ms). */
  readonly ms: number;
  /** Seed of whatever else is left to chance. */
  readonly salt: number;
}

const editWeights = { edit: 20, announce: 1 } as const;

const faultWeights = {
  cut: 4,
  'half-open-client': 2,
  'half-open-relay': 2,
  'clog-down': 2,
  'clog-up': 2,
  partition: 1,
  'slow-reader': 3,
  lossy: 1.5,
  duplicating: 1.5,
  swallow: 0.3,
  delay: 1.5,
  'disk-full': 1,
  'disk-error': 1.5,
  'disk-error-kept': 1,
  'read-error': 1,
  'slow-fsync': 2,
  'kill-relay': 1.5,
  'power-loss': 1.5,
  'die-in-write': 1.5,
  'die-in-sync': 1.5,
  'bit-flip': 0.5,
  'restart-relay': 1,
  'crash-together': 1.5,
  delete: 0.5,
  create: 1,
  'new-history': 0.3,
  backup: 3,
  restore: 2,
  'authorizer-fails': 1,
  'clock-jump': 1,
  'device-crash': 2,
  'close-document': 1.5,
  'open-document': 2,
  disconnect: 1,
  connect: 1,
  'refused-midway': 1,
  'bad-token': 0.5,
  'short-grants': 1,
  'bad-frame': 0.15,
} as const;

export function planFor(settings: Settings): Step[] {
  const { seed, faultsUntilMs, editRate, faultRate, documents, devices } = settings;
  const dice = Dice.for(seed, 'plan');
  const steps: Step[] = [];
  // What is large has to be lost to be asked for again.
  const weights = settings.largeEdits ? { ...faultWeights, backup: 8, restore: 8 } : faultWeights;
  const add = (atMs: number, kind: StepKind): void => {
    const ms = Math.round(dice.pick([20, 300, 1500, 5000]) * (0.5 + dice.random()));
    const device = dice.below(devices.length);
    const document = dice.pick(devices[device]?.documents ?? [0]) ?? dice.below(documents.length);
    steps.push({ atMs: Math.round(atMs), kind, device, document, ms, salt: dice.below(2 ** 31) });
  };
  // People type in bursts.
  for (let atMs = 50; atMs < faultsUntilMs; atMs += dice.random() * (300 / editRate)) {
    for (let burst = dice.pick([1, 1, 2, 4]); burst > 0; burst--) {
      add(atMs, dice.weighted(editWeights));
      atMs += dice.random() * 30;
    }
  }
  if (faultRate > 0) {
    for (let atMs = 500; atMs < faultsUntilMs; atMs += dice.random() * (1600 / faultRate)) {
      add(atMs, dice.weighted(weights));
    }
    // Late, so that nothing that happens afterwards hides what it has done.
    if (dice.chance(0.4)) add(faultsUntilMs - 600, 'crash-together');
  }
  return steps.sort((a, b) => a.atMs - b.atMs);
}

export function describeStep({ atMs, kind, device, document, ms, salt }: Step): string {
  return `${String(atMs).padStart(6)} ms  ${kind}: device ${device}, document ${document}, ${ms} ms, salt ${salt}`;
}
