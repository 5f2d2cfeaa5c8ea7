import type { RefusalCode } from '../protocol/close.ts';

/**
 * The one error class of Tideweave's own making: something was refused, and `code` says why in a way that programs can
 * act upon. `protocol/close.ts` has for each code whether to retry and what to do next.
 */
export class RefusedError extends Error {
  override readonly name = 'RefusedError';
  readonly code: RefusalCode;
  /** Milliseconds after which a retry makes sense; 0 when the code's default holds. */
  readonly retryAfterMs: number;

  constructor(code: RefusalCode, reason: string, options?: { cause?: unknown; retryAfterMs?: number }) {
    super(reason, options);
    this.code = code;
    this.retryAfterMs = options?.retryAfterMs ?? 0;
  }
}
