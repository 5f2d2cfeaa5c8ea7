import type * as Y from 'yjs';
import type { MergeEntry } from './report-types.ts';
import type { RestoreOptions, RestoreResult } from './restore.ts';

/** As `restoreMine`, whose code is loaded when it is needed. Rejects when the document `name` was closed meanwhile. */
export async function restoreLater(
  name: string,
  isClosed: () => boolean,
  doc: Y.Doc,
  entry: MergeEntry,
  options?: RestoreOptions,
): Promise<RestoreResult> {
  const { restoreMine } = await import('./restore.ts');
  if (isClosed()) throw new Error(`document ${JSON.stringify(name)} was closed`);
  return restoreMine(doc, entry, options);
}
