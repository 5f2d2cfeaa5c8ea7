/** Messages and states in words, for transcripts and for the messages of failing tests. */
import * as Y from 'yjs';
import { type EntryAuthor, type IdRange, decodeEntryAuthors } from '../../src/protocol/entry-authors.ts';
import type { ClientMessage, ServerMessage } from '../../src/protocol/message.ts';
import type { ClientSession } from '../../src/session/client-session.ts';
import { decodeCursor } from '../../src/protocol/cursor.ts';
import { IdRanges } from '../../src/update/id-ranges.ts';
import { decodeStateVector } from '../../src/update/state-vector.ts';
import type { DocumentStatus, RefusalStatus } from '../../src/session/client-document.ts';

export function describeMessage(message: ClientMessage | ServerMessage): string {
  switch (message.type) {
    case 'ping':
    case 'pong':
      return message.type;
    case 'open': {
      const { request, name, epoch, cursor, stateVector } = message;
      return `open #${request} "${name}" epoch=${epoch || 'none'} cursor=${cursorText(cursor)} has=${vectorText(stateVector)}`;
    }
    case 'opened': {
      const { request, doc, epoch, access, totalBytes } = message;
      return `opened #${request} as doc ${doc} epoch=${epoch || 'none'} ${access}, ${totalBytes} bytes follow`;
    }
    case 'push':
    case 'resync':
      return `${message.type} doc ${message.doc} n=${message.n} ${updateText(message.update)}`;
    case 'update':
      return `update doc ${message.doc} ${updateText(message.update)}`;
    case 'part':
      return `part doc ${message.doc} ${message.bytes.length} bytes`;
    case 'awareness':
      return `awareness doc ${message.doc} ${message.update.length} bytes`;
    case 'want':
      return `want doc ${message.doc} beyond ${vectorText(message.stateVector)}`;
    case 'ack':
      return `ack doc ${message.doc} n=${message.n}`;
    case 'watermark':
      return `watermark doc ${message.doc} epoch=${message.epoch} cursor=${cursorText(message.cursor)}${message.settled ? ', settled' : ''}`;
    case 'refuse':
      return `refuse ${message.scope} ${message.id} ${message.code} action=${message.action} after=${message.retryAfterMs}`;
    case 'compare':
      return `compare doc ${message.doc} at ${cursorText(message.cursor)}`;
    case 'compared': {
      const has = message.result === 'differs' ? `: the relay has ${vectorText(message.stateVector)}` : '';
      return `compared doc ${message.doc} ${message.result}${has} ${deletesText(message.deletes)}`.trimEnd();
    }
    case 'who':
      return `who doc ${message.doc} after ${cursorText(message.cursor)}`;
    case 'authors':
      return `authors doc ${message.doc} ${decodeEntryAuthors(message.entries).map(authorText).join('; ')}`.trimEnd();
    case 'token':
      return `token ${message.token}`;
    case 'grant':
      return `grant doc ${message.doc} ${message.endsInMs === 0 ? 'does not end' : `ends in ${message.endsInMs} ms`}`;
    case 'leave':
    case 'caught-up':
      return `${message.type} doc ${message.doc}`;
  }
}

function describeStatus(status: DocumentStatus): string {
  const { phase, synced, pending, safe, progress, upload, access, error } = status;
  return [
    phase,
    synced ? 'synced' : 'not synced',
    pending.updates === 0 ? 'nothing pending' : `${pending.updates} pending (${pending.bytes} bytes)`,
    `safe on ${safe}`,
    ...(progress === null ? [] : [`${progress.receivedBytes}/${progress.totalBytes} bytes here`]),
    ...(upload === null ? [] : [`${upload.savedBytes}/${upload.totalBytes} bytes there`]),
    access ?? 'no access yet',
    ...(error === null ? [] : [describeRefusal(error)]),
  ].join(', ');
}

/** As `describeStatus`; null for a document that was closed meanwhile. */
export function describeStatusOf(session: ClientSession, name: string): string | null {
  try {
    return describeStatus(session.status(name));
  } catch {
    // Closed meanwhile: nobody looks any more.
    return null;
  }
}

export function describeRefusal({ code, action, retryAfterMs }: RefusalStatus): string {
  return `${code} (${action}${retryAfterMs > 0 ? ` after ${retryAfterMs} ms` : ''})`;
}

function cursorText(bytes: Uint8Array): string {
  const cursor = decodeCursor(bytes);
  return cursor === null ? 'none' : `${cursor.logId}/${cursor.seq}`;
}

function vectorText(bytes: Uint8Array): string {
  return `{${[...decodeStateVector(bytes)].map(([client, clock]) => `${client}:${clock}`).join(' ')}}`;
}

function deletesText(deletes: Uint8Array): string {
  if (deletes.length === 0) return '';
  const words: string[] = [];
  IdRanges.decode(deletes).forEach((client, start, end) => words.push(`-${client}:${start}+${end - start}`));
  return `[${words.join(' ')}]`;
}

function authorText({ user, device, time, inserts, deletes }: EntryAuthor): string {
  const ids = (sign: string, ranges: readonly IdRange[]): string[] =>
    ranges.map(([client, start, end]) => `${sign}${client}:${start}+${end - start}`);
  return `${user}@${device} at ${time} [${[...ids('', inserts), ...ids('-', deletes)].join(' ')}]`;
}

/** Runs and deletions of an update, or its size where these bytes are only its end. */
function updateText(update: Uint8Array): string {
  let decoded: ReturnType<typeof Y.decodeUpdate>;
  try {
    decoded = Y.decodeUpdate(update);
  } catch {
    return `(last ${update.length} bytes)`;
  }
  const words = decoded.structs.map((struct) => {
    const content = struct instanceof Y.Item && struct.content instanceof Y.ContentString ? struct.content.str : null;
    return `${struct.id.client}:${struct.id.clock}${content === null ? `+${struct.length}` : `"${cut(content)}"`}`;
  });
  for (const [client, ranges] of decoded.ds.clients) {
    for (const { clock, len } of ranges) words.push(`-${client}:${clock}+${len}`);
  }
  return `[${words.join(' ')}]`;
}

function cut(text: string): string {
  return text.length <= 24 ? text : `${text.slice(0, 8)}…${text.length} characters`;
}
