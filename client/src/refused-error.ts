import { RefusedError, type RefusalStatus, isRefusalCode } from '@tideweave/shared';

/** A refusal as something to throw; one with a code of a later version as TW_INTERNAL, with that code's action. */
export function refusedError({ code, reason, ...options }: Refusal): RefusedError {
  return new RefusedError(isRefusalCode(code) ? code : 'TW_INTERNAL', reason, options);
}

type Refusal = Pick<RefusalStatus, 'code' | 'reason'> & Partial<Pick<RefusalStatus, 'action' | 'retryAfterMs'>>;
