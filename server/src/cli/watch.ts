/** `refusals` and `webhooks`: what whoever looks after a running relay wants to know at a glance. */
import type { RefusalInfo, WebhooksInfo } from '@tideweave/shared';
import { exitCodes, type FolderCommandOutput } from './folder-command.ts';
import { askRelay } from './inspect.ts';
import type { RelaySettings } from './relay-commands.ts';

/** Returns the exit code. */
export function refusals(settings: RelaySettings, output: FolderCommandOutput): Promise<number> {
  return askRelay(settings, output, async (relay) => {
    const found = await relay.json<{ readonly refusals: readonly RefusalInfo[] }>('/api/admin/refusals');
    for (const refusal of found.refusals) {
      const { time, code, reason, id } = refusal;
      const line = `${new Date(time).toISOString()}  ${code}  ${id}  ${reason}`;
      output.writeOut(`${settings.json ? JSON.stringify(refusal) : line}\n`);
    }
  });
}

/** Returns the exit code: whether the last attempt failed. */
export async function webhooks(settings: RelaySettings, output: FolderCommandOutput): Promise<number> {
  let isInTrouble = false;
  const code = await askRelay(settings, output, async (relay) => {
    const info = await relay.json<WebhooksInfo | { readonly receiver: null }>('/api/admin/webhooks');
    if (settings.json) output.writeOut(`${JSON.stringify(info)}\n`);
    if (info.receiver === null) {
      if (!settings.json)
        output.writeOut('tideweave: this relay tells nobody; --webhook-url of serve names who is told\n');
      return;
    }
    isInTrouble = info.trouble !== null;
    if (!settings.json) output.writeOut(describe(info));
  });
  return code === exitCodes.clean && isInTrouble ? exitCodes.findings : code;
}

function describe({ receiver, sent, failedAttempts, waiting, trouble, oldest }: WebhooksInfo): string {
  const lines = [
    `receiver   ${receiver}`,
    `sent       ${sent}`,
    `failed     ${failedAttempts} attempts`,
    `waiting    ${waiting}`,
    ...oldest.map(({ time, type, document, user }) =>
      `  ${time} ${type} ${JSON.stringify(document)} ${user}`.trimEnd(),
    ),
  ];
  if (trouble !== null) {
    const { attempts, error, nextAt } = trouble;
    lines.push(`trouble    ${attempts} attempts in a row failed: ${error}; next at ${new Date(nextAt).toISOString()}`);
  }
  return `${lines.join('\n')}\n`;
}
