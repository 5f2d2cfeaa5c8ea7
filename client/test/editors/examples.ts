/** The examples as a reader has them, and what their README says is different with y-websocket. */
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { root } from './browser.ts';

export const examples = ['codemirror', 'tiptap', 'lexical', 'react'] as const;

export type ExampleName = (typeof examples)[number];

export interface Example {
  readonly folder: string;
  readonly source: string;
  /** The same example written for y-websocket: the source with the README's diff taken back. */
  readonly before: string;
  /** How many lines the README says are different, and how many its diff adds. */
  readonly said: number;
  readonly added: number;
}

export async function readExample(name: ExampleName): Promise<Example> {
  const folder = join(root, 'client/examples', name);
  const main = (await readdir(folder)).find((file) => /^main\.tsx?$/.test(file)) ?? '';
  const [source, readme] = await Promise.all([main, 'README.md'].map((file) => readFile(join(folder, file), 'utf8')));
  const diff =
    /^```diff\n([\s\S]*?)^```/m
      .exec(readme ?? '')?.[1]
      ?.trimEnd()
      .split('\n') ?? [];
  const lines = (source ?? '').split('\n');
  diff.forEach((line, at) => {
    if (!line.startsWith('+')) return;
    const place = lines.indexOf(line.slice(1));
    if (place < 0) throw new Error(`${name}: the example has no line ${line.slice(1)}`);
    lines[place] = (diff[at - 1] ?? '').slice(1);
  });
  return {
    folder,
    source: source ?? '',
    before: lines.join('\n'),
    said: Number(/^Changed lines: (\d+)$/m.exec(readme ?? '')?.[1]),
    added: diff.filter((line) => line.startsWith('+')).length,
  };
}

/** Where one types in an example. */
export const inputs: Readonly<Record<ExampleName, string>> = {
  codemirror: '.cm-content',
  tiptap: '.tiptap',
  lexical: '[contenteditable]',
  react: 'input',
};
