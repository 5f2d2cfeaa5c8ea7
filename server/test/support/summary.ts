/** A row of the table with which a whole test run ends: what survived how much. */
export interface Survived {
  readonly what: string;
  readonly runs: number;
  /** Faults that were injected. */
  readonly faults: number;
  /** Promises that were found broken. */
  readonly violations: number;
}

/** Markdown, from which `scripts/test.mjs` makes one table of all test files with the same head. */
export function printSummary({ what, runs, faults, violations }: Survived): void {
  // The test library leaves its line of dots unfinished.
  console.log('\n| what | runs | faults injected | violations |');
  console.log('| --- | --- | --- | --- |');
  console.log(`| ${what} | ${runs} | ${faults} | ${violations} |`);
}
