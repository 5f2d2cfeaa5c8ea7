/** What kind of world a seed makes: who is in it, how it is wired and how the relay is set up. */
import { type Limits, defaultLimits } from '@tideweave/shared';
import { Dice } from './dice.ts';

/** One client of the world: a person at a device. */
export interface DeviceSettings {
  readonly name: string;
  readonly dialect: 'tideweave' | 'y-websocket';
  readonly access: 'read' | 'write';
  /** Whether it keeps its documents on a disk of its own, and so survives a crash. */
  readonly store: boolean;
  /** Indexes of the documents it opens. */
  readonly documents: readonly number[];
  readonly latencyMs: number;
  readonly bytesPerMs: number;
  /** Whether every message travels in a frame of its own, as the protocol allows. */
  readonly singly: boolean;
  /** Share of packets that its ways lose, while there are faults. */
  readonly lossRate: number;
}

export interface Settings {
  readonly seed: number;
  readonly documents: readonly string[];
  readonly devices: readonly DeviceSettings[];
  readonly log: 'level' | 'memory';
  readonly limits: Limits;
  /** Compact as soon as a tail has so many entries; null: as the relay's policy says. */
  readonly compactAtEntries: number | null;
  /** How long a merge takes (ms). */
  readonly mergeMs: number;
  /** How long faults go on (ms). */
  readonly faultsUntilMs: number;
  /** How often things happen, relative to the usual. */
  readonly editRate: number;
  readonly faultRate: number;
  /** Some edits are larger than what travels in one part. */
  readonly largeEdits: boolean;
}

export function settingsFor(seed: number): Settings {
  const dice = Dice.for(seed, 'settings');
  const documents = Array.from({ length: dice.pick([1, 1, 1, 2, 2, 3]) }, (_, at) => `document ${at}`);
  // On a slow line, a large edit takes longer than the impatience that is simulated here.
  const largeEdits = dice.chance(0.05);
  const everyDocument = documents.map((_, at) => at);
  const natives = dice.between(2, 3);
  const stocks = dice.pick([0, 0, 1, 1, 2]);
  const devices = Array.from({ length: natives + stocks }, (_, at): DeviceSettings => {
    const native = at < natives;
    const chosen = everyDocument.filter(() => dice.chance(0.8));
    const one = [dice.below(documents.length)];
    return {
      name: `${native ? 'native' : 'stock'} ${at}`,
      dialect: native ? 'tideweave' : 'y-websocket',
      store: native && dice.chance(0.4),
      // The first two can write, so that there is something to see.
      access: at >= 2 && dice.chance(0.2) ? 'read' : 'write',
      documents: native ? (chosen.length > 0 ? chosen : one) : one,
      latencyMs: dice.pick([1, 5, 20, 80, 200]),
      singly: native && dice.chance(0.25),
      lossRate: dice.pick([0, 0, 0, 0.02, 0.1, 0.3]),
      bytesPerMs: largeEdits ? 5000 : dice.pick([5, 50, 500, 5000]),
    };
  });
  const limits: Limits = {
    ...defaultLimits,
    socketBufferBytesMax: dice.pick([256, 1024, 8192, 1024 * 1024]),
    idleUnloadMs: dice.pick([200, 1000, 5000]),
    rawWindowBytes: dice.pick([0, 200, 2000, 256 * 1024]),
    uncommittedBytesMax: dice.pick([2000, 20_000, 1024 * 1024, 1024 * 1024]),
    snapshotCacheBytesMax: dice.pick([1000, 1024 * 1024]),
    connectionTimeoutMs: dice.pick([10_000, 30_000]),
  };
  return {
    seed,
    documents,
    devices,
    log: dice.chance(0.85) ? 'level' : 'memory',
    limits,
    compactAtEntries: dice.pick([null, 3, 8, 20]),
    mergeMs: dice.pick([1, 50, 400]),
    faultsUntilMs: dice.between(6, 20) * 1000,
    editRate: dice.pick([0.5, 1, 2]),
    faultRate: dice.pick([0, 0.5, 1, 1, 2]),
    largeEdits,
  };
}
