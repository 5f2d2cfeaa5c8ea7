/** Waiting for something to become true, without a verdict about how long it may take: the limit only names a hang. */
import { setTimeout as delay } from 'node:timers/promises';

/** Long enough for a crowded machine; what takes longer does not come. */
const hangMs = 30_000;
const pollMs = 5;

/** Resolves with the first value that `look` returns and that is neither false nor nothing. */
export async function until<Value>(
  what: string,
  look: () => Value | Promise<Value>,
  limitMs: number = hangMs,
): Promise<Exclude<Value, false | null | undefined>> {
  const end = performance.now() + limitMs;
  for (;;) {
    const value = await look();
    if (value !== false && value !== null && value !== undefined) {
      return value as Exclude<Value, false | null | undefined>;
    }
    if (performance.now() > end) throw new Error(`still waiting after ${limitMs} ms for: ${what}`);
    await delay(pollMs);
  }
}

/** The promise's result, or an error that names what did not come. */
export async function within<Value>(what: string, promise: Promise<Value>, limitMs: number = hangMs): Promise<Value> {
  const controller = new AbortController();
  const late = delay(limitMs, undefined, { signal: controller.signal }).then(() => {
    throw new Error(`still waiting after ${limitMs} ms for: ${what}`);
  });
  late.catch(() => undefined);
  try {
    return await Promise.race([promise, late]);
  } finally {
    controller.abort();
  }
}

/** Lets `ms` pass: for what must not happen meanwhile, and for faults at a random moment. */
export async function pass(ms: number): Promise<void> {
  await delay(ms);
}
