/** What tests need from the operating system: found, or installed, by scripts/system-tools.mjs. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const script = fileURLToPath(new URL('../../../../scripts/system-tools.mjs', import.meta.url));

/** The path of a tool. Rejects with an error that names what to install. */
export async function systemTool(name: 'chromium' | 'curl' | 'openssl'): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [script, name]);
  return stdout.trim();
}
