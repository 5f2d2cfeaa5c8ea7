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

  /** Markdown, which the test runner shows even when everything passed, in one table with what other files tell of clients. */
  print(): void {
    // The test library leaves its line of dots unfinished.
    console.log('\n| client or editor | checked as | ok | failed |\n|---|---|---|---|');
    for (const [who, row] of this.#cells) {
      const [ok, failed] = [true, false].map((isOk) =>
        [...this.#behaviours]
          .flatMap((behaviour) => {
            const cell = row.get(behaviour);
            if (cell === undefined || (cell.passed === cell.of) !== isOk) return [];
            return cell.of === 1 ? behaviour : `${behaviour} ${cell.passed}/${cell.of}`;
          })
          .join(' · '),
      );
      console.log(`| ${who} | ${this.#title} | ${ok || '–'} | ${failed || '–'} |`);
    }
  }
}
