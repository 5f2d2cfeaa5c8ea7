/** `docs`, `inspect`, `log` and `compact`: what a running relay says of its documents. */
import type {
  DocumentInfo,
  DocumentsPage,
  EntryInfo,
  HeadInfo,
  ListedDocument,
  LogPage,
  SessionInfo,
} from '@tideweave/shared';

import { exitCodes, type FolderCommandOutput } from './folder-command.ts';
import { interruptible, pause } from './interruptible.ts';
import { RelayClient, RelayRefusal, adminPath } from './relay-client.ts';
import type { RelaySettings } from './relay-commands.ts';

const namesPerPage = 1000;
const followEveryMs = 500;

/** Runs a command on a relay. Exit code 1 when it says that there is no such document. */
export async function askRelay(
  { url, token }: RelaySettings,
  output: FolderCommandOutput,
  run: (relay: RelayClient, signal: AbortSignal) => Promise<void>,
): Promise<number> {
  let code: number = exitCodes.clean;
  const done = await interruptible(
    output,
    (error) => {
      if (error instanceof RelayRefusal && error.refusal === 'TW_NOT_FOUND') code = exitCodes.findings;
      const cause = error instanceof Error && error.cause instanceof Error ? `: ${error.cause.message}` : '';
      return `${url}: ${error instanceof Error ? error.message : 'it failed'}${cause}`;
    },
    async (signal) => {
      await run(new RelayClient(url, token), signal);
      return exitCodes.clean;
    },
  );
  return code === exitCodes.clean ? done : code;
}

export function docs(
  settings: RelaySettings & { readonly deleted: boolean; readonly search: string },
  output: FolderCommandOutput,
): Promise<number> {
  return askRelay(settings, output, async (relay, signal) => {
    for (let after: string | null = ''; after !== null && !signal.aborted;) {
      const limit = String(namesPerPage);
      const query = new URLSearchParams({ search: settings.search, limit, ...(after !== '' && { after }) });
      const page: DocumentsPage = await relay.json<DocumentsPage>(`/api/admin/docs?${query.toString()}`);
      for (const row of page.documents) {
        if ('head' in row && row.head.deletedAt !== null && !settings.deleted) continue;
        output.writeOut(settings.json ? `${JSON.stringify(row)}\n` : describeRow(row));
      }
      after = page.next;
    }
  });
}

function describeRow(row: ListedDocument): string {
  const name = JSON.stringify(row.name);
  if ('refused' in row) return `${name}  ${row.refused}\n`;
  const { head, connections } = row;
  if (head.deletedAt !== null) return `${name}  deleted ${at(head.deletedAt)}\n`;
  return `${name}  ${head.lastSeq} entries  ${sizeOf(head)} bytes  ${connections} sessions  ${at(head.updatedAt)}\n`;
}

export function inspect(
  settings: RelaySettings & { readonly name: string; readonly content: boolean },
  output: FolderCommandOutput,
): Promise<number> {
  return askRelay(settings, output, async (relay) => {
    if (settings.content) {
      output.writeOut(await (await relay.fetch(`${adminPath(settings.name)}/content`)).text());
      return;
    }
    const found = await relay.json<DocumentInfo>(adminPath(settings.name));
    output.writeOut(settings.json ? `${JSON.stringify(found)}\n` : describeDocument(found));
  });
}

function describeDocument({ head, isLoaded, refused, clients, sessions, setAside }: DocumentInfo): string {
  const lines = [
    `document   ${JSON.stringify(head.name)}${isLoaded ? ', loaded' : ''}`,
    `history    epoch ${head.epoch}, log ${head.logId}`,
    `created    ${at(head.createdAt)}`,
    head.deletedAt === null ? `last edit  ${at(head.updatedAt)}` : `deleted    ${at(head.deletedAt)}`,
    `entries    ${head.lastSeq}, in the snapshot up to ${head.snapshotSeq}, raw from ${head.firstSeq}`,
    `bytes      ${head.snapshotBytes} in the snapshot, ${head.tailBytes} after it`,
    ...(refused === null ? [`clients    ${clients} have written`] : [`refused    ${refused}`]),
    `sessions   ${sessions.length}`,
    ...sessions.map(describeSession),
    ...setAside.map(({ seq, user, device, reason }) => `set aside  ${seq} of ${user} (${device}): ${reason}`),
  ];
  return `${lines.join('\n')}\n`;
}

function describeSession({ user, device, dialect, flow, behind, bufferedBytes }: SessionInfo): string {
  const lag = flow === 'live' ? '' : `, ${behind} entries behind`;
  const waiting = bufferedBytes === 0 ? '' : `, ${bufferedBytes} bytes waiting`;
  return `  ${JSON.stringify(user)} ${JSON.stringify(device)} ${dialect} ${flow}${lag}${waiting}`;
}

export function showLog(
  settings: RelaySettings & { readonly name: string; readonly after: string; readonly follow: boolean },
  output: FolderCommandOutput,
): Promise<number> {
  return askRelay(settings, output, async (relay, signal) => {
    for (let { after } = settings; !signal.aborted;) {
      const query = new URLSearchParams({ after, limit: '1000' }).toString();
      const { entries } = await relay.json<LogPage>(`${adminPath(settings.name)}/log?${query}`);
      for (const entry of entries) output.writeOut(settings.json ? `${JSON.stringify(entry)}\n` : describeEntry(entry));
      after = String(entries.at(-1)?.seq ?? after);
      if (entries.length > 0) continue;
      if (!settings.follow) return;
      await pause(followEveryMs, signal);
    }
  });
}

function describeEntry({ seq, time, user, device, bytes, inserts, deletes }: EntryInfo): string {
  const ranges = [
    ...inserts.map(({ client, clock, length }) => `+${client}:${clock}-${clock + length - 1}`),
    ...deletes.map(({ client, clock, length }) => `-${client}:${clock}-${clock + length - 1}`),
  ];
  return `${seq}  ${time}  ${JSON.stringify(user)} ${JSON.stringify(device)}  ${bytes} bytes  ${ranges.join(' ')}\n`;
}

export function compact(
  settings: RelaySettings & { readonly name: string },
  output: FolderCommandOutput,
): Promise<number> {
  return askRelay(settings, output, async (relay) => {
    const path = `${adminPath(settings.name)}/compact`;
    const done = await relay.json<{ compacted: boolean; setAside: number; head: HeadInfo }>(path, { method: 'POST' });
    const { compacted, setAside, head } = done;
    if (settings.json) output.writeOut(`${JSON.stringify(done)}\n`);
    else if (!compacted) output.writeOut('tideweave: there was nothing to compact\n');
    else {
      const aside = setAside > 0 ? `; ${setAside} entries could not be applied and were set aside` : '';
      output.writeOut(`tideweave: compacted up to entry ${head.snapshotSeq}: ${head.snapshotBytes} bytes${aside}\n`);
    }
  });
}

function at(time: number): string {
  return new Date(time).toISOString();
}

function sizeOf({ snapshotBytes, tailBytes }: HeadInfo): number {
  return snapshotBytes + tailBytes;
}
