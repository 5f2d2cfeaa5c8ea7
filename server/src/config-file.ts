/**
 * Reads a configuration file: a YAML mapping (so JSON too) from the names of flags without dashes to their values. Every
 * value is taken as the text that stands there, so that a file, a flag and a variable mean the same by it. Pure. Loaded
 * only when there is a file: nobody waits for a parser without one.
 */
import { LineCounter, type Node, isMap, isScalar, isSeq, parseDocument } from 'yaml';
import { settings } from './config-schema.ts';
import { editDistance } from './config-values.ts';

/** A file as it was read. */
export interface ConfigFile {
  readonly path: string;
  readonly content: FileSettings;
}

/** A value of the file, and the line that it stands in. */
export interface FileValue {
  readonly value: string | readonly string[];
  /** Counted from 1. */
  readonly line: number;
}

/** What stands in a file, by the names of the settings; or the first mistake in it. */
export type FileSettings = ReadonlyMap<string, FileValue> | { readonly line: number; readonly mistake: string };

/** Reads the settings of a file; whether their values are in bounds is for the schema to say. */
export function parseConfigFile(text: string): FileSettings {
  const lines = new LineCounter();
  // The schema without types: 0x10 and yes stay what was typed.
  const document = parseDocument(text, { lineCounter: lines, schema: 'failsafe', uniqueKeys: true });
  const lineOf = (offset: number | undefined): number => Math.max(1, lines.linePos(offset ?? 0).line);
  const error = document.errors[0];
  if (error !== undefined) {
    const [first = 'it cannot be read'] = error.message.split(/ at line \d+/);
    return { line: lineOf(error.pos[0]), mistake: first };
  }
  const found = new Map<string, FileValue>();
  // An empty file, or one of comments.
  if (document.contents === null) return found;
  if (!isMap<Node, Node | null>(document.contents)) {
    return { line: lineOf(document.contents.range?.[0]), mistake: 'expected lines such as "port: 8080"' };
  }
  for (const { key, value } of document.contents.items) {
    const line = lineOf(key.range?.[0]);
    const name = isScalar(key) && typeof key.value === 'string' ? key.value : '';
    const setting = settings.find((candidate) => candidate.key === name);
    if (setting === undefined) {
      const nearest = settings.toSorted((a, b) => editDistance(a.key, name) - editDistance(b.key, name))[0];
      return {
        line,
        mistake: `the setting ${JSON.stringify(name)} is not known; the nearest known one is ${nearest?.key}`,
      };
    }
    const items = isSeq<Node>(value) ? value.items : [value];
    const texts = items.map((item) => (isScalar(item) && typeof item.value === 'string' ? item.value : null));
    if (texts.includes(null) || (isSeq(value) && !setting.repeatable)) {
      return {
        line,
        mistake: `${name} must be ${setting.repeatable ? 'a text or a list of texts' : 'a single value'}`,
      };
    }
    const values = texts.filter((each) => each !== null);
    found.set(setting.name, { value: setting.repeatable ? values : (values[0] ?? ''), line });
  }
  return found;
}
