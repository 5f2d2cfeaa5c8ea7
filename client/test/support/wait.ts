/** Waiting for something to become true; the limit only names a hang. */
import { setTimeout as delay } from 'node:timers/promises';

const hangMs = 30_000;

export async function until(what: string, look: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + hangMs;
  while (!(await look())) {
    if (performance.now() > end) throw new Error(`still waiting after ${hangMs} ms for: ${what}`);
    await delay(5);
  }
}

/** A promise that is resolved from outside. */
export function gate(): { readonly passed: Promise<void>; open: () => void } {
  let open: () => void = () => undefined;
  const passed = new Promise<void>((resolve) => (open = resolve));
  return { passed, open: () => open() };
}
