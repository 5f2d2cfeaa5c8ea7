/** Seeds that have failed once: they are run for ever. */
import { readFileSync, writeFileSync } from 'node:fs';

export interface Regression {
  readonly seed: number;
  /** What the seed found. */
  readonly found: string;
}

/** Beside the tests that run them: three folders above dist/src/simulation. */
const file = new URL('../../../test/simulation-regressions.json', import.meta.url);

export function regressions(): Regression[] {
  return JSON.parse(readFileSync(file, 'utf8')) as Regression[];
}

/** Adds a seed, unless it is in the list already. */
export function keepRegression(regression: Regression): void {
  const known = regressions();
  if (known.some(({ seed }) => seed === regression.seed)) return;
  writeFileSync(file, `${JSON.stringify([...known, regression], null, 2)}\n`);
}
