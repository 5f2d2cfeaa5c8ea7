/** A text that grows by one character per update, in Yjs's V1 encoding: what people who type send, without a Y.Doc. */

/** An item behind another one, and one at the beginning of a root type (yjs, `Item.write`). */
const infoWithOrigin = 0x84;
const infoWithParent = 0x04;
const rootName = 'text';
const alphabet = 'abcdefghijklmnopqrstuvwxyz ';

/** The update by which `client` types its character number `clock`, behind the one before it. */
export function keystroke(client: number, clock: number): Uint8Array {
  const bytes: number[] = [];
  // One client with one struct.
  bytes.push(1, 1);
  varUint(bytes, client);
  varUint(bytes, clock);
  if (clock === 0) {
    bytes.push(infoWithParent, 1);
    text(bytes, rootName);
  } else {
    bytes.push(infoWithOrigin);
    varUint(bytes, client);
    varUint(bytes, clock - 1);
  }
  text(bytes, alphabet[clock % alphabet.length] ?? '');
  // Nothing is deleted.
  bytes.push(0);
  return Uint8Array.from(bytes);
}

function varUint(bytes: number[], number: number): void {
  let rest = number;
  for (; rest > 0x7f; rest = Math.floor(rest / 128)) bytes.push(0x80 | (rest & 0x7f));
  bytes.push(rest);
}

/** ASCII only. */
function text(bytes: number[], characters: string): void {
  varUint(bytes, characters.length);
  for (let at = 0; at < characters.length; at += 1) bytes.push(characters.charCodeAt(at));
}
