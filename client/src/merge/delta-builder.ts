import type { Attributes, DeltaOp, JsonValue } from './report-types.ts';
import { canonical } from './values.ts';

type Draft =
  | { kind: 'retain' | 'delete'; length: number; attributes: Attributes | undefined }
  | { kind: 'text'; parts: string[]; attributes: Attributes | undefined }
  | { kind: 'values'; values: JsonValue[]; attributes: undefined }
  | { kind: 'embed'; value: JsonValue; attributes: Attributes | undefined };

/** Joins steps that continue each other. */
export class DeltaBuilder {
  readonly #drafts: Draft[] = [];

  retain(length: number, attributes: Attributes | undefined): void {
    const last = this.#drafts.at(-1);
    if (last?.kind === 'retain' && sameAttributes(last.attributes, attributes)) last.length += length;
    else this.#drafts.push({ kind: 'retain', length, attributes });
  }

  delete(length: number): void {
    const last = this.#drafts.at(-1);
    if (last?.kind === 'delete') last.length += length;
    else this.#drafts.push({ kind: 'delete', length, attributes: undefined });
  }

  insertText(text: string, attributes: Attributes | undefined): void {
    const last = this.#drafts.at(-1);
    if (last?.kind === 'text' && sameAttributes(last.attributes, attributes)) last.parts.push(text);
    else this.#drafts.push({ kind: 'text', parts: [text], attributes });
  }

  insertValues(values: readonly JsonValue[]): void {
    const last = this.#drafts.at(-1);
    if (last?.kind === 'values') for (const value of values) last.values.push(value);
    else this.#drafts.push({ kind: 'values', values: [...values], attributes: undefined });
  }

  insertEmbed(value: JsonValue, attributes: Attributes | undefined): void {
    this.#drafts.push({ kind: 'embed', value, attributes });
  }

  finish(): DeltaOp[] {
    const last = this.#drafts.at(-1);
    if (last?.kind === 'retain' && last.attributes === undefined) this.#drafts.pop();
    return this.#drafts.map(stepOf);
  }
}

function stepOf(draft: Draft): DeltaOp {
  const formats = draft.attributes === undefined ? {} : { attributes: draft.attributes };
  switch (draft.kind) {
    case 'retain':
      return { retain: draft.length, ...formats };
    case 'delete':
      return { delete: draft.length };
    case 'text':
      return { insert: draft.parts.join(''), ...formats };
    case 'values':
      return { insert: draft.values };
    case 'embed':
      return { insert: draft.value, ...formats };
  }
}

function sameAttributes(a: Attributes | undefined, b: Attributes | undefined): boolean {
  return a === b || (a !== undefined && b !== undefined && canonical(a) === canonical(b));
}
