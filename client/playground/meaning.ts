/** What a frame of the native dialect says, in plain words. */
import { type ClientMessage, type ServerMessage, decodeClientMessages, decodeServerMessages } from '@tideweave/shared';

export interface Meaning {
  /** The messages' types, as docs/PROTOCOL.md names them. */
  readonly names: string;
  readonly text: string;
}

/** Larger than anything that a relay sends on. */
const updateBytesMax = 256 * 1024 * 1024;

export function meaningOf(direction: 'up' | 'down', frame: Uint8Array): Meaning {
  const messages: readonly (ClientMessage | ServerMessage)[] =
    direction === 'up' ? decodeClientMessages(frame, updateBytesMax) : decodeServerMessages(frame, updateBytesMax);
  const names = messages.map(({ type }) => type);
  const texts = messages.map((message) => describe(direction, message));
  return { names: unique(names), text: unique(texts) };
}

/** Several alike are told once, with their number. */
function unique(texts: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1);
  return [...counts].map(([text, count]) => (count === 1 ? text : `${text} ×${count}`)).join(', ');
}

function describe(direction: 'up' | 'down', message: ClientMessage | ServerMessage): string {
  switch (message.type) {
    case 'open':
      return message.cursor.length > 0 ? 'opens the document where it left off' : 'opens the document';
    case 'opened':
      return message.totalBytes > 0 ? `is let in, ${message.totalBytes} B to come` : 'is let in, nothing is missing';
    case 'leave':
      return 'leaves the document';
    case 'push':
      return message.n === 0 ? "hands back others' edits, in case" : `edit ${message.n}: please keep it`;
    case 'ack':
      return `every edit up to ${message.n} is on the disk`;
    case 'update':
      return "somebody's edit";
    case 'part':
      return 'a part of something large';
    case 'caught-up':
      return direction === 'up' ? 'everything of mine is sent' : 'now you have everything';
    case 'want':
      return 'asks for edits that it lacks';
    case 'resync':
      return 'the edits that the relay lacks';
    case 'watermark':
      return 'a bookmark: all before it is safe';
    case 'awareness':
      return 'who is there, and where their caret is';
    case 'compare':
      return 'are our copies the same?';
    case 'compared':
      return { same: 'the copies are the same', elsewhere: 'too early to compare', differs: 'the copies differ' }[
        message.result
      ];
    case 'who':
      return 'who made what came meanwhile?';
    case 'authors':
      return 'who made it, and when';
    case 'token':
      return 'shows a new token';
    case 'grant':
      return 'how long the grant lasts';
    case 'refuse':
      return `refused: ${message.reason} (${message.code})`;
    case 'ping':
      return 'still there?';
    case 'pong':
      return 'still here';
  }
}
