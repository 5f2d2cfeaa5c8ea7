/** A relay in the test's own process, with a log that tests can look into. */
import type { LogFields, Logger } from '../../src/observability/log.ts';
import { type Relay, type RelayOptions, createRelay } from '../../src/relay.ts';
import { VirtualClock } from '../virtual-clock.ts';
import { MemoryLog } from '../../src/log/memory-log.ts';

export interface TestRelay {
  readonly relay: Relay;
  /** `ws://…` without a path. */
  readonly url: string;
  /** `http://…` without a path. */
  readonly http: string;
  readonly port: number;
  /** What the relay had to say. */
  readonly logged: LoggedLine[];
  /** The same of trace and debug. */
  readonly details: LoggedLine[];
}

export interface LoggedLine {
  readonly level: string;
  readonly message: string;
  readonly fields: LogFields;
}

/** Runs with a relay of its own on a free port. */
export async function withRelay(options: RelayOptions, run: (relay: TestRelay) => Promise<void>): Promise<void> {
  const logged: LoggedLine[] = [];
  const details: LoggedLine[] = [];
  const relay = await createRelay({ port: 0, logger: recordingLogger(logged, details), ...options });
  const { host, port } = relay.address;
  try {
    await run({ relay, url: `ws://${host}:${port}`, http: `http://${host}:${port}`, port, logged, details });
  } finally {
    await relay.close();
  }
}

/** A log in memory that a test can put faults into. */
export function memoryLog(): MemoryLog {
  const clock = new VirtualClock();
  let id = 0;
  return new MemoryLog({ wallTime: () => clock.wallTime(), randomId: () => (id += 1).toString(16).padStart(16, '0') });
}

function recordingLogger(lines: LoggedLine[], details: LoggedLine[]): Logger {
  const record =
    (level: string) =>
    (fields: LogFields, message: string): void =>
      void (level === 'trace' || level === 'debug' ? details : lines).push({
        level,
        message,
        fields,
      });
  return {
    trace: record('trace'),
    debug: record('debug'),
    info: record('info'),
    warn: record('warn'),
    error: record('error'),
    fatal: record('fatal'),
  };
}
