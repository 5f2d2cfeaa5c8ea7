/** What many seeds came to together. */
import { type FaultKind, faultKinds } from './faults.ts';
import type { MergeCounts } from './merge-check.ts';
import type { Outcome } from './run.ts';
import { transitionCells } from './transitions.ts';
import type { Violation } from './violation.ts';

/** What a worker tells of the seeds it has run: plain data. */
export interface Part {
  readonly outcomes: readonly Outcome[];
  /** How often each cell of the session tables was used meanwhile. */
  readonly transitions: ReadonlyMap<string, number>;
}

/** How the gate's summary begins; other suites that count faults add rows to it. */
export const summaryHeader: readonly string[] = ['| what | runs | faults injected | violations |', '|---|---|---|---|'];

export class Totals {
  seeds = 0;
  edits = 0;
  readonly merges: MergeCounts = { made: 0, compared: 0 };
  steps = 0;
  virtualMs = 0;
  readonly faults: Map<FaultKind, number> = new Map();
  readonly transitions: Map<string, number> = new Map();
  readonly violations: { readonly seed: number; readonly violation: Violation }[] = [];

  add({ outcomes, transitions }: Part): void {
    for (const { seed, edits, merges, steps, virtualMs, faults, violation } of outcomes) {
      this.seeds++;
      this.edits += edits;
      this.merges.made += merges.made;
      this.merges.compared += merges.compared;
      this.steps += steps;
      this.virtualMs += virtualMs;
      for (const [fault, count] of faults) this.faults.set(fault, (this.faults.get(fault) ?? 0) + count);
      if (violation !== null) this.violations.push({ seed, violation });
    }
    for (const [cell, count] of transitions) this.transitions.set(cell, (this.transitions.get(cell) ?? 0) + count);
  }

  /** Faults that never happened, and transitions that were never used. */
  get uncovered(): string[] {
    return [
      ...faultKinds.filter((kind) => !this.faults.has(kind)),
      ...transitionCells().filter((cell) => !this.transitions.has(cell)),
    ];
  }

  /** A row of the summary that the gate ends with: what, how many, faults injected, violations. */
  row(what: string, tookMs: number): string {
    const hours = (this.virtualMs / 3_600_000).toFixed(1);
    const runs = `${this.seeds} seeds, ${this.edits} edits, ${hours} h of virtual time in ${(tookMs / 1000).toFixed(0)} s`;
    return `| ${what} | ${runs} | ${this.faultCount} of ${this.faults.size} kinds | ${this.violations.length} |`;
  }

  get faultCount(): number {
    return [...this.faults.values()].reduce((sum, count) => sum + count, 0);
  }

  /** A Markdown table. */
  table(title: string, tookMs: number): string {
    const cells = transitionCells();
    const used = cells.filter((cell) => this.transitions.has(cell)).length;
    const hours = (this.virtualMs / 3_600_000).toFixed(1);
    const rows: [string, string][] = [
      ['seeds', `${this.seeds} in ${(tookMs / 1000).toFixed(0)} s`],
      ['virtual time', `${hours} h, ${this.steps} events`],
      ['edits', String(this.edits)],
      ['merges of both sides', `${this.merges.made}, ${this.merges.compared} of them compared with brute force`],
      ['faults', `${this.faultCount} of ${this.faults.size} kinds, of ${faultKinds.length}`],
      ['transitions of the session tables', `${used} of ${cells.length}`],
      ['violations', String(this.violations.length)],
    ];
    return [`| ${title} | |`, '|---|---|', ...rows.map(([what, value]) => `| ${what} | ${value} |`)].join('\n');
  }

  /** Each kind of fault with its count, in a line. */
  get faultLine(): string {
    return faultKinds.map((kind) => `${kind} ${this.faults.get(kind) ?? 0}`).join(', ');
  }
}
