import { type RefusalAction, type RefusalCode, isRetryable, refusalRules } from '../protocol/close.ts';

/**
 * The one error class of Tideweave's own making: something was refused, and `code` says why in a way that programs can
 * act upon. It has what a `RefusalStatus` has.
 */
export class RefusedError extends Error {
  override readonly name = 'RefusedError';
  readonly code: RefusalCode;
  readonly reason: string;
  /** What to do next; `protocol/close.ts` has it for each code. */
  readonly action: RefusalAction;
  /** Whether trying again can succeed without a person. */
  readonly retryable: boolean;
  /** Milliseconds after which a retry makes sense; 0 when the code's default holds. */
  readonly retryAfterMs: number;

  constructor(code: RefusalCode, reason: string, options: RefusedErrorOptions = {}) {
    super(reason, options);
    this.code = code;
    this.reason = reason;
    this.action = options.action ?? refusalRules[code].action;
    this.retryable = isRetryable(this.action);
    this.retryAfterMs = options.retryAfterMs ?? 0;
  }
}

export interface RefusedErrorOptions {
  readonly cause?: unknown;
  readonly retryAfterMs?: number;
  /** Default what the code's rule says. */
  readonly action?: RefusalAction;
}
