/**
 * Brings documents of another server in, one by one: builds each in a worker thread, stores it, reads it back from where
 * it was stored, and compares. What is there already is recognised by its content, so an import that was cut short is
 * simply run again. Nothing that exists is changed unless it was asked for (C6).
 */
import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { inFlightBytesMax, inFlightMax } from './bounds.ts';
import type { ImportPool } from './import-pool.ts';
import type { Compared, Prepared } from './import-task.ts';
import type { Source, SourceDocument } from './source.ts';
import type { Target } from './target.ts';

/**
 * What to do with a document whose name has another content here: leave it; add what it lacks if both have a common
 * history; import it beside, under another name.
 */
export type OnConflict = 'skip' | 'merge' | 'rename';

export interface ImportOptions {
  readonly onConflict: OnConflict;
  /** Import what can be applied of documents that cannot be as a whole. */
  readonly salvage: boolean;
  /** Do everything but store. */
  readonly dryRun: boolean;
  /** Where files about documents that were not imported go, or null for no files. */
  readonly aside: string | null;
  /** Stops taking more documents; those under way are brought to an end. */
  readonly signal: AbortSignal;
  readonly onProgress: (done: number) => void;
}

/** `imported`, `merged` and `present` were read back and compared; `conflict`, `quarantined` and `failed` need somebody. */
export type Outcome = 'imported' | 'merged' | 'present' | 'empty' | 'conflict' | 'quarantined' | 'failed';

/** Something that somebody should know about one document. */
export interface ImportFinding {
  readonly document: string;
  readonly outcome: Outcome;
  readonly what: string;
}

export interface ImportResult {
  /** How many documents came to which end. */
  readonly counts: Readonly<Record<Outcome, number>>;
  /** SHA-256 over the digests of all documents that are here now, by name. */
  readonly digest: string;
  readonly findings: readonly ImportFinding[];
  readonly interrupted: boolean;
}

interface End {
  readonly outcome: Outcome;
  readonly what?: string;
  readonly digest?: string;
}

export class Importer {
  readonly #target: Target;
  readonly #pool: ImportPool;
  readonly #options: ImportOptions;
  readonly #counts: Record<Outcome, number> = {
    imported: 0,
    merged: 0,
    present: 0,
    empty: 0,
    conflict: 0,
    quarantined: 0,
    failed: 0,
  };
  readonly #findings: ImportFinding[] = [];
  readonly #digests: string[] = [];
  readonly #underWay = new Set<Promise<void>>();
  /** The newest work on each name that is under way: two documents can come to one name. */
  readonly #onName = new Map<string, Promise<unknown>>();
  #underWayBytes = 0;
  #done = 0;

  constructor(target: Target, pool: ImportPool, options: ImportOptions) {
    this.#target = target;
    this.#pool = pool;
    this.#options = options;
  }

  async run(source: Source): Promise<ImportResult> {
    const { signal } = this.#options;
    let interrupted = false;
    for await (const document of source.documents()) {
      interrupted = signal.aborted;
      if (interrupted) break;
      await this.#begin(document);
    }
    await Promise.all(this.#underWay);
    const digest = createHash('sha256').update(this.#digests.toSorted().join('\n')).digest('hex');
    const findings = this.#findings.toSorted((a, b) => (a.document < b.document ? -1 : 1));
    return { counts: this.#counts, digest, findings, interrupted };
  }

  /** Takes a document as soon as there is room for it. */
  async #begin(document: SourceDocument): Promise<void> {
    const bytes = document.updates.reduce((sum, update) => sum + update.length, 0);
    while (
      this.#underWay.size >= inFlightMax ||
      (this.#underWayBytes > 0 && this.#underWayBytes + bytes > inFlightBytesMax)
    ) {
      await Promise.race(this.#underWay);
    }
    this.#underWayBytes += bytes;
    const work = this.#finish(document).finally(() => {
      this.#underWay.delete(work);
      this.#underWayBytes -= bytes;
    });
    this.#underWay.add(work);
  }

  async #finish(document: SourceDocument): Promise<void> {
    let end: End;
    try {
      end = await this.#bring(document);
    } catch (error) {
      end = { outcome: 'failed', what: error instanceof Error ? error.message : String(error) };
    }
    const { outcome, what, digest } = end;
    this.#counts[outcome] += 1;
    if (what !== undefined) this.#findings.push({ document: document.name, outcome, what });
    if (digest !== undefined) this.#digests.push(`${document.name} ${digest}`);
    this.#done += 1;
    this.#options.onProgress(this.#done);
  }

  async #bring(document: SourceDocument): Promise<End> {
    if (document.problem !== null) return this.#quarantine(document, document.problem, []);
    const { salvage } = this.#options;
    let prepared;
    try {
      prepared = await this.#pool.prepare(document.updates, salvage);
    } catch (error) {
      return this.#quarantine(document, error instanceof Error ? error.message : String(error), []);
    }
    const { bad, isEmpty, update } = prepared;
    const what = describeBad(bad, document.updates.length);
    if (what !== null && !(salvage && !isEmpty)) return this.#quarantine(document, what, bad);
    if (isEmpty) return { outcome: 'empty' };
    // What is stored is held against what came, not against what was made of it; unless that was not all of it.
    const source = what === null ? document.updates : [update];
    const left = what === null ? {} : { what: `${what}; the rest was imported` };

    for (const name of this.#names(document.name)) {
      const renamed = name === document.name ? left : { what: `it is here as ${JSON.stringify(name)}` };
      const end = await this.#alone(name, () => this.#store(name, source, prepared, renamed));
      if (end.outcome !== 'conflict' || name !== document.name || this.#options.onConflict !== 'rename') return end;
    }
    return { outcome: 'conflict' };
  }

  /** Stores a document under a name, if nothing that is there speaks against it. */
  async #store(
    name: string,
    source: readonly Uint8Array[],
    prepared: Prepared,
    extra: { readonly what?: string },
  ): Promise<End> {
    const { dryRun, onConflict } = this.#options;
    const { relation, digest, missing } = await this.#compare(await this.#target.read(name), source);
    if (relation === 'same' || relation === 'more') return { outcome: 'present', digest, ...extra };
    if (relation === 'empty') {
      if (!dryRun) await this.#target.put(name, prepared);
      return this.#verified(name, source, 'imported', extra);
    }
    if (relation === 'behind' && missing !== null && onConflict === 'merge') {
      if (!dryRun) await this.#target.add(name, missing);
      return this.#verified(name, source, 'merged', extra);
    }
    return { outcome: 'conflict', what: conflicts[relation] };
  }

  /** Runs when nothing else under this name is under way. */
  async #alone<T>(name: string, run: () => Promise<T>): Promise<T> {
    const before = this.#onName.get(name);
    const work = before === undefined ? run() : before.then(run, run);
    this.#onName.set(name, work);
    try {
      return await work;
    } finally {
      if (this.#onName.get(name) === work) this.#onName.delete(name);
    }
  }

  /** Under which names it may go. */
  #names(name: string): string[] {
    return this.#options.onConflict === 'rename' ? [name, `${name} (imported)`] : [name];
  }

  async #compare(existing: readonly Uint8Array[] | null, source: readonly Uint8Array[]): Promise<Compared> {
    if (existing === null || existing.length === 0) return { relation: 'empty', digest: '', missing: null };
    return this.#pool.compare(existing, source);
  }

  /** Reads back what was stored. */
  async #verified(
    name: string,
    source: readonly Uint8Array[],
    outcome: 'imported' | 'merged',
    extra: object,
  ): Promise<End> {
    if (this.#options.dryRun) return { outcome, ...extra };
    const { relation, digest } = await this.#compare(await this.#target.read(name), source);
    if (relation === 'same' || (relation === 'more' && outcome === 'merged')) return { outcome, digest, ...extra };
    return { outcome: 'failed', what: `what was read back is not what was stored (${relation})` };
  }

  async #quarantine(
    { name, updates }: SourceDocument,
    reason: string,
    bad: readonly { readonly at: number; readonly reason: string }[],
  ): Promise<End> {
    const { aside, dryRun } = this.#options;
    if (aside === null || dryRun || updates.length === 0) return { outcome: 'quarantined', what: reason };
    const reasons = new Map(bad.map((one) => [one.at, one.reason]));
    const lines: object[] = [{ document: name, reason }];
    for (const [at, update] of updates.entries()) {
      const problem = reasons.get(at);
      lines.push({ at, ...(problem === undefined ? {} : { problem }), update: Buffer.from(update).toString('base64') });
    }
    const file = join(aside, `import-${createHash('sha256').update(name).digest('hex').slice(0, 16)}.jsonl`);
    await mkdir(aside, { recursive: true });
    await writeFile(file, lines.map((line) => `${JSON.stringify(line)}\n`).join(''), { flush: true });
    return { outcome: 'quarantined', what: `${reason}; its updates are in ${file}` };
  }
}

const conflicts = {
  differs: 'the same edits have other content here: one of the two was made from a copy',
  behind: 'an older state of it is here: --on-conflict merge adds what it lacks',
  unrelated:
    'another document of this name is here: merging the two would double their content; --on-conflict rename imports it beside',
} as const;

function describeBad(bad: readonly { readonly reason: string }[], of: number): string | null {
  const first = bad[0];
  if (first === undefined) return null;
  return `${bad.length} of its ${of === 1 ? '1 update' : `${of} updates`} cannot be applied: ${first.reason}`;
}
