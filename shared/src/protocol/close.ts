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
  /** The HTTP status where the refusal answers a request. */
  readonly httpStatus: number;
  /** One line for people: what happened. */
  readonly meaning: string;
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
  | 'TW_EPOCH_MISMATCH'
  | 'TW_DOCUMENT_EXISTS'
  | 'TW_DOCUMENT_DELETED'
  | 'TW_DOCUMENT_CORRUPT'
  | 'TW_QUARANTINED'
  | 'TW_STORAGE_FAILED'
  | 'TW_OVERLOADED'
  | 'TW_TIMEOUT'
  | 'TW_SHUTTING_DOWN'
  | 'TW_INTERNAL';

/** All refusal codes with what they mean and what follows from them. */
export const refusalRules: Readonly<Record<RefusalCode, RefusalRule>> = {
  TW_MALFORMED_MESSAGE: {
    action: 'upgrade',
    closeCode: 4400,
    httpStatus: 400,
    meaning: 'A message could not be decoded.',
  },
  TW_UNEXPECTED_MESSAGE: {
    action: 'upgrade',
    closeCode: 4400,
    httpStatus: 400,
    meaning: 'A message came in a state that does not allow it.',
  },
  TW_TEXT_FRAME: {
    action: 'upgrade',
    closeCode: 4400,
    httpStatus: 400,
    meaning: 'A text frame came; the protocol is binary.',
  },
  TW_MALFORMED_UPDATE: {
    action: 'contact',
    closeCode: 4422,
    httpStatus: 422,
    meaning: 'The bytes are not a valid Yjs V1 update.',
  },
  TW_MISSING_DEPENDENCIES: {
    action: 'reload',
    closeCode: 4424,
    httpStatus: 409,
    meaning: 'The update builds on content the relay does not have.',
  },
  TW_TOO_LARGE: {
    action: 'contact',
    closeCode: 4413,
    httpStatus: 413,
    meaning: 'A message or update is over the size limit.',
  },
  TW_TOO_MANY_DOCUMENTS: {
    action: 'contact',
    closeCode: 4429,
    httpStatus: 429,
    meaning: 'The connection has too many documents open.',
  },
  TW_INVALID_NAME: {
    action: 'contact',
    closeCode: 4404,
    httpStatus: 400,
    meaning: 'A document name is 1 to 512 bytes of Unicode.',
  },
  TW_NOT_FOUND: { action: 'contact', closeCode: 4404, httpStatus: 404, meaning: 'There is nothing at this address.' },
  TW_METHOD_NOT_ALLOWED: {
    action: 'contact',
    closeCode: 4400,
    httpStatus: 405,
    meaning: 'The address exists, but not for this HTTP method.',
  },
  TW_BAD_REQUEST: {
    action: 'contact',
    closeCode: 4400,
    httpStatus: 400,
    meaning: 'A parameter of the request is not understood.',
  },
  TW_UNAUTHORIZED: {
    action: 'reauth',
    closeCode: 4401,
    httpStatus: 401,
    meaning: 'The token is missing, invalid or expired.',
  },
  TW_FORBIDDEN: { action: 'contact', closeCode: 4403, httpStatus: 403, meaning: 'This is not allowed for you.' },
  TW_READ_ONLY: {
    action: 'contact',
    closeCode: 4403,
    httpStatus: 403,
    meaning: 'The grant allows reading only; the edit was not stored.',
  },
  TW_EPOCH_MISMATCH: {
    action: 'reload',
    closeCode: 4409,
    httpStatus: 409,
    meaning: 'The relay has another history under this name; merging would duplicate content.',
  },
  TW_DOCUMENT_EXISTS: {
    action: 'contact',
    closeCode: 4409,
    httpStatus: 409,
    meaning: 'A document of this name exists already.',
  },
  TW_DOCUMENT_DELETED: { action: 'contact', closeCode: 4410, httpStatus: 410, meaning: 'The document was deleted.' },
  TW_DOCUMENT_CORRUPT: {
    action: 'contact',
    closeCode: 4423,
    httpStatus: 500,
    meaning: 'The stored document is damaged and set aside until it is repaired.',
  },
  TW_QUARANTINED: {
    action: 'reload',
    closeCode: 4422,
    httpStatus: 422,
    meaning: 'An update passed validation but cannot be applied; it was set aside.',
  },
  TW_STORAGE_FAILED: {
    action: 'retry',
    closeCode: 4503,
    httpStatus: 503,
    meaning: 'The storage does not take writes at the moment; nothing was acknowledged.',
  },
  TW_OVERLOADED: {
    action: 'retry',
    closeCode: 4503,
    httpStatus: 503,
    meaning: 'A queue of the relay is full at the moment.',
  },
  TW_TIMEOUT: { action: 'retry', closeCode: 4508, httpStatus: 408, meaning: 'Nothing was heard for too long.' },
  TW_SHUTTING_DOWN: { action: 'retry', closeCode: 1012, httpStatus: 503, meaning: 'The relay is restarting.' },
  TW_INTERNAL: {
    action: 'retry',
    closeCode: 1011,
    httpStatus: 500,
    meaning: 'Something failed inside the relay; its log says what.',
  },
};

/** Whether a text, as read from the wire, is a refusal code this version knows. */
export function isRefusalCode(text: string): text is RefusalCode {
  return Object.hasOwn(refusalRules, text);
}

/** Whether trying the same again can succeed without a person or a new client. */
export function isRetryable(action: RefusalAction): boolean {
  return action === 'retry' || action === 'reauth';
}
