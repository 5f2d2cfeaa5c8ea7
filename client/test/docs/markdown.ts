/** Reading the project's Markdown: its pages, and the fenced code in them. */
import { readFileSync, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root: string = fileURLToPath(new URL('../../../../', import.meta.url));

export interface Page {
  /** Below the root, such as `docs/cli.md`. */
  readonly path: string;
  readonly text: string;
}

/** A fenced block of code. */
export interface Fence {
  /** Where it stands: `docs/cli.md:12`. */
  readonly place: string;
  /** The words after the fence: the language, and what a test is to do with it. */
  readonly language: string;
  readonly use: string;
  readonly code: string;
}

/** Every page of the project. */
export function pages(folder: string = root): Page[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (entry.name.startsWith('.') || ['node_modules', 'dist', 'data'].includes(entry.name)) return [];
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return pages(path);
    return entry.name.endsWith('.md') ? [{ path: relative(root, path), text: readFileSync(path, 'utf8') }] : [];
  });
}

const fenced = /^( *)(`{3,}|~{3,})(.*)\n((?:[\s\S]*?\n)??) *\2[`~]* *$/gm;

/** A page without its fenced code, in which `#` begins comments and brackets are no links. */
export function withoutCode(text: string): string {
  return text.replaceAll(fenced, '');
}

/** The fenced code of a page, without the indentation that it has within a list. */
export function fences({ path, text }: Page): Fence[] {
  return [...text.matchAll(fenced)].map(({ index, 1: indent = '', 3: info = '', 4: code = '' }) => {
    const [language = '', use = ''] = info.trim().split(/\s+/);
    const line = text.slice(0, index).split('\n').length;
    return { place: `${path}:${line}`, language, use, code: code.replaceAll(new RegExp(`^${indent}`, 'gm'), '') };
  });
}
