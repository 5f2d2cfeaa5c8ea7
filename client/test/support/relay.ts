/** A relay in the test's own process, with a log in memory that takes faults. */
import { type Logger, MemoryLog, type RelayOptions, createRelay } from '@tideweave/server';

export interface TestRelay {
  readonly url: string;
  readonly port: number;
  readonly log: MemoryLog;
}

const silent: Logger = {
  trace: () => undefined,
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  fatal: () => undefined,
};

export function memoryLog(): MemoryLog {
  let id = 0;
  return new MemoryLog({ wallTime: () => 1, randomId: () => (id += 1).toString(16).padStart(16, '0') });
}

/** Runs with a relay of its own on a free port, or the one in `options`. */
export async function withRelay(options: RelayOptions, run: (relay: TestRelay) => Promise<void>): Promise<void> {
  const log = memoryLog();
  const relay = await createRelay({ port: 0, log, logger: silent, ...options });
  const { host, port } = relay.address;
  try {
    await run({ url: `ws://${host}:${port}`, port, log });
  } finally {
    await relay.close();
  }
}
