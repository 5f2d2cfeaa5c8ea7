/** `tideweave export`: a document of a running relay as a Yjs update or as JSON. */
import { writeFile } from 'node:fs/promises';

import { ContentPool } from '../content/content-pool.ts';
import type { FolderCommandOutput } from './folder-command.ts';
import { askRelay } from './inspect.ts';
import type { RelaySettings } from './relay-commands.ts';

export interface ExportSettings extends RelaySettings {
  readonly name: string;
  readonly format: 'yjs' | 'json';
  /** Null for stdout. */
  readonly output: string | null;
}

/** Returns the exit code. */
export function exportDocument(settings: ExportSettings, output: FolderCommandOutput): Promise<number> {
  const { name, format, output: path, json } = settings;
  return askRelay(settings, output, async (relay) => {
    const response = await relay.fetch(`/api/docs/${encodeURIComponent(name)}/update`);
    const update = new Uint8Array(await response.arrayBuffer());
    const content = format === 'yjs' ? update : Buffer.from(await jsonOf(update));
    if (path === null) {
      await new Promise((resolve) => process.stdout.write(content, resolve));
      return;
    }
    await writeFile(path, content, { flush: true });
    const report = { document: name, format, output: path, bytes: content.byteLength };
    output.writeOut(
      json
        ? `${JSON.stringify(report)}\n`
        : `tideweave: ${JSON.stringify(name)} is in ${path}: ${report.bytes} bytes\n`,
    );
  });
}

async function jsonOf(update: Uint8Array): Promise<string> {
  const pool = new ContentPool();
  try {
    return await pool.json(update);
  } finally {
    await pool.close();
  }
}
