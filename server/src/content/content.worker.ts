/** What shows the content of a document: its types as JSON. Takes Yjs, so it runs in a thread of its own (content-pool.ts). */
import { jsonOfDocument } from './json-document.worker.ts';

/** The task of the pool: the JSON text of a Yjs update's types, by their names. */
export default function run(update: Uint8Array): string {
  return jsonOfDocument(update);
}
