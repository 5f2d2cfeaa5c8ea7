/** Which editor passed what; printed at the end of the run, where the test runner shows it again. */
export class Table {
  readonly #behaviours: readonly string[];
  readonly #rows = new Map<string, Map<string, string>>();

  constructor(behaviours: readonly string[]) {
    this.#behaviours = behaviours;
  }

  /** Runs one check and records how it ended; a failure says which it was. */
  async check(editor: string, behaviour: string, run: () => Promise<void>): Promise<void> {
    try {
      await run();
      this.record(editor, behaviour, 'ok');
    } catch (error) {
      this.record(editor, behaviour, 'FAILED');
      const reason = error instanceof Error ? error.message : String(error);
      throw new Error(`${editor}: ${behaviour}: ${reason}`, { cause: error });
    }
  }

  record(editor: string, behaviour: string, outcome: string): void {
    const row = this.#rows.get(editor) ?? new Map<string, string>();
    this.#rows.set(editor, row.set(behaviour, outcome));
  }

  print(): void {
    const lines = [
      ['editor', ...this.#behaviours],
      ...Array.from(this.#rows, ([editor, row]) => [editor, ...this.#behaviours.map((name) => row.get(name) ?? '–')]),
    ];
    const widths = ['editor', ...this.#behaviours].map((_, column) =>
      Math.max(...lines.map((line) => line[column]?.length ?? 0)),
    );
    const print = (cells: readonly string[]): void =>
      console.log(`| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`);
    // The test library leaves its line of dots unfinished.
    console.log('');
    const [head = [], ...rows] = lines;
    print(head);
    print(widths.map((width) => '-'.repeat(width)));
    for (const row of rows) print(row);
  }
}
