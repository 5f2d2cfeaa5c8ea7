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

/** FIN and opcode 2. */
const finalBinary = 0x82;
