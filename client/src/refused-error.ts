import { RefusedError, type RefusalStatus, isRefusalCode } from '@tideweave/shared';

/** A refusal as something to throw. */
export function refusedError({ code, reason, retryAfterMs }: RefusalStatus): RefusedError {
  return new RefusedError(isRefusalCode(code) ? code : 'TW_INTERNAL', reason, { retryAfterMs });
}
