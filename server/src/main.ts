/** The `tideweave` command. */
import { readFileSync } from 'node:fs';
import { runProgram } from './cli/program.ts';

/** The package's own: dist/src/main.js lies two folders below it. */
function readVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  const version: unknown =
    manifest !== null && typeof manifest === 'object' && 'version' in manifest ? manifest.version : null;
  return typeof version === 'string' ? version : 'unknown';
}

const exitCode = await runProgram(process.argv.slice(2), {
  env: process.env,
  version: readVersion(),
  writeOut: (text) => void process.stdout.write(text),
  writeError: (text) => void process.stderr.write(text),
  // Loaded only now: help and mistakes answer at once, without the storage and the network.
  serve: async (config) => (await import('./cli/serve.ts')).serve(config),
});
if (exitCode !== null) process.exitCode = exitCode;
