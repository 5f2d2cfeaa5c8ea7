import * as encoding from 'lib0/encoding';

/**
 * WebSocket framing of what the relay sends (RFC 6455, section 5.2): unmasked binary frames without extensions, so that
 * the same bytes can be written to every socket of a room.
 */

/** The frame's header for a payload of `length` bytes. */
function binaryFrameHeader(length: number): Uint8Array {
  if (length < 126) return Uint8Array.of(finalBinary, length);
  if (length < 65_536) return Uint8Array.of(finalBinary, 126, length >>> 8, length & 0xff);
  const header = new Uint8Array(10);
  header[0] = finalBinary;
  header[1] = 127;
  new DataView(header.buffer).setBigUint64(2, BigInt(length));
  return header;
}

/** One frame whose payload is `parts` one after the other. */
export function binaryFrame(parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  return concatenate([binaryFrameHeader(length), ...parts]);
}

/**
 * One frame whose message ends with `bytes`, which are not copied when they are many: whoever opens a document waits for
 * them. `message` is the same message with no bytes, which every dialect writes as a length of 0 at its end.
 */
export function frameEndingWith(message: Uint8Array, bytes: Uint8Array): readonly Uint8Array[] {
  const encoder = encoding.createEncoder();
  encoding.writeUint8Array(encoder, message.subarray(0, -1));
  encoding.writeVarUint(encoder, bytes.length);
  const beginning = encoding.toUint8Array(encoder);
  if (bytes.length < copiedBytesMax) return [binaryFrame([beginning, bytes])];
  return [concatenate([binaryFrameHeader(beginning.length + bytes.length), beginning]), bytes];
}

/** A Buffer, as sockets take it without wrapping it once more per reader; from Node's pool, as frames are short-lived. */
export function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const whole = Buffer.allocUnsafe(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** A copy of this much costs less than one more piece to write. */
const copiedBytesMax = 4096;
/** FIN and opcode 2. */
const finalBinary = 0x82;
