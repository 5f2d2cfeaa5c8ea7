/**
 * Every way in which Tideweave says no. A refusal carries what the other side must do next (U3), so that no client has
 * to guess from a text. docs/errors.md lists the same codes; a test compares the two.
 */

/** What whoever was refused should do next. */
export type RefusalAction =
  /** Try the same again after a while. */
  | 'retry'
  /** Fetch a new token and open again. */
  | 'reauth'
  /** Open the document afresh; what is here is another history, and is kept. */
  | 'reload'
  /** The client and the relay do not understand each other: use a newer client. */
  | 'upgrade'
  /** A person must decide or mend something. */
  | 'contact';

export interface RefusalRule {
  readonly action: RefusalAction;
  /** The WebSocket close code where the whole connection ends: 44xx stays away, 45xx and 10xx may come back. */
  readonly closeCode: number;
}

/** The code of a refusal; stable across versions. */
export type RefusalCode =
  | 'TW_MALFORMED_MESSAGE'
  | 'TW_UNEXPECTED_MESSAGE'
  | 'TW_TEXT_FRAME'
  | 'TW_MALFORMED_UPDATE'
  | 'TW_MISSING_DEPENDENCIES'
  | 'TW_TOO_LARGE'
  | 'TW_TOO_MANY_DOCUMENTS'
  | 'TW_INVALID_NAME'
  | 'TW_NOT_FOUND'
  | 'TW_METHOD_NOT_ALLOWED'
  | 'TW_BAD_REQUEST'
  | 'TW_UNAUTHORIZED'
  | 'TW_FORBIDDEN'
  | 'TW_READ_ONLY'
  | 'TW_ACCESS_CHANGED'
  | 'TW_EPOCH_MISMATCH'
  | 'TW_DOCUMENT_EXISTS'
  | 'TW_DOCUMENT_DELETED'
  | 'TW_DOCUMENT_CORRUPT'
  | 'TW_QUARANTINED'
  | 'TW_DIVERGED'
  | 'TW_STORAGE_FAILED'
  | 'TW_OVERLOADED'
  | 'TW_TIMEOUT'
  | 'TW_SHUTTING_DOWN'
  | 'TW_INTERNAL';

/** All refusal codes with what follows from them. */
export const refusalRules: Readonly<Record<RefusalCode, RefusalRule>> = {
  TW_MALFORMED_MESSAGE: { action: 'upgrade', closeCode: 4400 },
  TW_UNEXPECTED_MESSAGE: { action: 'upgrade', closeCode: 4400 },
  TW_TEXT_FRAME: { action: 'upgrade', closeCode: 4400 },
  TW_MALFORMED_UPDATE: { action: 'contact', closeCode: 4422 },
  TW_MISSING_DEPENDENCIES: { action: 'reload', closeCode: 4424 },
  TW_TOO_LARGE: { action: 'contact', closeCode: 4413 },
  TW_TOO_MANY_DOCUMENTS: { action: 'contact', closeCode: 4429 },
  TW_INVALID_NAME: { action: 'contact', closeCode: 4404 },
  TW_NOT_FOUND: { action: 'contact', closeCode: 4404 },
  TW_METHOD_NOT_ALLOWED: { action: 'contact', closeCode: 4400 },
  TW_BAD_REQUEST: { action: 'contact', closeCode: 4400 },
  TW_UNAUTHORIZED: { action: 'reauth', closeCode: 4401 },
  TW_FORBIDDEN: { action: 'contact', closeCode: 4403 },
  TW_READ_ONLY: { action: 'contact', closeCode: 4403 },
  TW_ACCESS_CHANGED: { action: 'retry', closeCode: 4503 },
  TW_EPOCH_MISMATCH: { action: 'reload', closeCode: 4409 },
  TW_DOCUMENT_EXISTS: { action: 'contact', closeCode: 4409 },
  TW_DOCUMENT_DELETED: { action: 'contact', closeCode: 4410 },
  TW_DOCUMENT_CORRUPT: { action: 'contact', closeCode: 4423 },
  TW_QUARANTINED: { action: 'reload', closeCode: 4422 },
  TW_DIVERGED: { action: 'reload', closeCode: 4409 },
  TW_STORAGE_FAILED: { action: 'retry', closeCode: 4503 },
  TW_OVERLOADED: { action: 'retry', closeCode: 4503 },
  TW_TIMEOUT: { action: 'retry', closeCode: 4508 },
  TW_SHUTTING_DOWN: { action: 'retry', closeCode: 1012 },
  TW_INTERNAL: { action: 'retry', closeCode: 1011 },
};

/** Closes a stock client's connection that rests on a grant which has ended: it may come back, with another token. */
export const comeBackCode: number = 4503;

/** Whether a text, as read from the wire, is a refusal code this version knows. */
export function isRefusalCode(text: string): text is RefusalCode {
  return Object.hasOwn(refusalRules, text);
}

/** Whether trying the same again can succeed without a person or a new client. */
export function isRetryable(action: RefusalAction): boolean {
  return action === 'retry' || action === 'reauth';
}
