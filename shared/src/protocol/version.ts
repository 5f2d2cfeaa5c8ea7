/**
 * The wire's versions, one line each. A change of the bytes needs a new line here; `version.test.ts` holds a fingerprint
 * of the encoded messages and fails when they change without one.
 *
 * 1: first version: open, push, resync, acknowledgements after the commit, cursors, awareness, comparison by digest,
 *    tokens renewed in band, who wrote what.
 */
export const protocolVersion: number = 1;

/** The WebSocket subprotocol that selects the native dialect. */
export const subprotocol: string = 'tideweave.v1';
