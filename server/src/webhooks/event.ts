/** What webhooks say, and how they are signed. Pure. */
import { createHmac, timingSafeEqual } from 'node:crypto';

export type WebhookType =
  | 'document.created'
  | 'document.updated'
  | 'document.deleted'
  | 'presence.joined'
  | 'presence.left';

/** The body of a webhook, as JSON. */
export interface WebhookEvent {
  /** The same when it is sent again. */
  readonly id: string;
  readonly type: WebhookType;
  /** ISO 8601. */
  readonly time: string;
  readonly document: string;
  /** Of the document's history; empty for presence. */
  readonly epoch: string;
  /** The newest entry that is stored; 0 for presence. */
  readonly seq: number;
  /** Who joined or left; empty for documents, and for the anonymous. */
  readonly user: string;
}

/** The header with the signature: `t=SECONDS,v1=HEX`. */
export const signatureHeader = 'tideweave-signature';

/** Signs a body as sent at a time (seconds since 1970): HMAC-SHA256 over `SECONDS.BODY`. */
export function signWebhook(secret: string, body: string, seconds: number): string {
  return `t=${seconds},v1=${hmac(secret, body, seconds)}`;
}

/**
 * Whether a webhook came from a relay with this secret, at most `toleranceSeconds` ago. `body` is the raw text and
 * `nowSeconds` the time since 1970. For whoever receives webhooks.
 */
export function verifyWebhook(
  secret: string,
  body: string,
  signature: string,
  nowSeconds: number,
  toleranceSeconds: number = 300,
): boolean {
  const [, time = '', given = ''] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(signature) ?? [];
  if (time === '' || Math.abs(nowSeconds - Number(time)) > toleranceSeconds) return false;
  return timingSafeEqual(Buffer.from(given), Buffer.from(hmac(secret, body, Number(time))));
}

function hmac(secret: string, body: string, seconds: number): string {
  return createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex');
}
