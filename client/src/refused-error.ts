import { RefusedError, type RefusalStatus, isRefusalCode } from '@tideweave/shared';

/** A refusal as something to throw. */
export function refusedError({ code, reason, retryAfterMs }: Refusal): RefusedError {
  return new RefusedError(isRefusalCode(code) ? code : 'TW_INTERNAL', reason, { retryAfterMs: retryAfterMs ?? 0 });
}

type Refusal = Pick<RefusalStatus, 'code' | 'reason'> & Partial<Pick<RefusalStatus, 'retryAfterMs'>>;
