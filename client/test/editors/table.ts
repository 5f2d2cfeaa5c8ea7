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
    // The test library leaves its line of dots unfinished.
    console.log('\n| client or editor | checked as | ok | failed |\n|---|---|---|---|');
    for (const [editor, row] of this.#rows) {
      const named = (isOk: boolean): string =>
        this.#behaviours.filter((name) => (row.get(name) === 'ok') === isOk).join(' · ') || '–';
      console.log(`| ${editor} | editor, ours beside y-websocket | ${named(true)} | ${named(false)} |`);
    }
  }
}
