/** Who passed what: gathered while the tests run, printed at the end as a table of its own. */
export class Table {
  readonly #title: string;
  readonly #cells = new Map<string, Map<string, { passed: number; of: number }>>();
  readonly #behaviours = new Set<string>();

  constructor(title: string) {
    this.#title = title;
  }

  record(who: string, behaviour: string, passed: boolean): void {
    this.#behaviours.add(behaviour);
    let row = this.#cells.get(who);
    if (row === undefined) {
      row = new Map();
      this.#cells.set(who, row);
    }
    let cell = row.get(behaviour);
    if (cell === undefined) {
      cell = { passed: 0, of: 0 };
      row.set(behaviour, cell);
    }
    cell.of++;
    if (passed) cell.passed++;
  }

  /** Runs one check for one client, or for a pair, and records the outcome before it lets a failure pass. */
  async check(who: readonly string[], behaviour: string, run: () => void | Promise<void>): Promise<void> {
    let passed = false;
    try {
      await run();
      passed = true;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new Error(`${who.join(' with ')}: ${behaviour}: ${reason}`, { cause: error });
    } finally {
      for (const one of new Set(who)) this.record(one, behaviour, passed);
    }
  }

  /** Runs one check for all at once; fails with every failure in its text. */
  async checkAll<Item>(
    items: readonly Item[],
    who: (item: Item) => readonly string[],
    behaviour: string,
    run: (item: Item) => void | Promise<void>,
  ): Promise<void> {
    const outcomes = await Promise.allSettled(items.map((item) => this.check(who(item), behaviour, () => run(item))));
    const failures = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [String(outcome.reason)] : []));
    if (failures.length > 0) throw new Error(failures.join('\n'));
  }

  /** Markdown, which the test runner shows even when everything passed. */
  print(): void {
    const columns = [...this.#behaviours];
    const rows = [...this.#cells].map(([who, row]) => [
      who,
      ...columns.map((behaviour) => {
        const cell = row.get(behaviour);
        if (cell === undefined) return '–';
        if (cell.of === 1) return cell.passed === 1 ? 'ok' : 'FAILED';
        return `${cell.passed === cell.of ? 'ok' : 'FAILED'} ${cell.passed}/${cell.of}`;
      }),
    ]);
    const table = [[this.#title, ...columns], ...rows];
    const widths = table[0]?.map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0))) ?? [];
    const line = (row: readonly string[]): string =>
      `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
    // The test library leaves its line of dots unfinished.
    console.log(`\n${line(table[0] ?? [])}`);
    console.log(line(widths.map((width) => '-'.repeat(width))));
    for (const row of table.slice(1)) console.log(line(row));
  }
}
