/** The newest whole run as a page, beside its figures. */
import { readdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Results } from '../runner/results.ts';
import { formatResults } from '../runner/table.ts';
import type { Workload } from '../workloads/workload.ts';

/** Writes `README.md` into a folder that has the results and, in `charts`, their charts. */
export async function writePage(folder: string, results: Results, workloads: readonly Workload[]): Promise<void> {
  const charts = (await readdir(join(folder, 'charts'))).filter((name) => name.endsWith('.svg')).toSorted();
  const page = [
    '# The newest whole run',
    '`npm run bench` wrote this page. [What is measured, and how](../README.md); [the figures](latest.json).',
    ...charts.map((name) => `![${basename(name, '.svg').replaceAll('-', ' ')}](charts/${name})`),
    ['```text', formatResults(results, workloads), '```'].join('\n'),
  ];
  await writeFile(join(folder, 'README.md'), `${page.join('\n\n')}\n`);
}
