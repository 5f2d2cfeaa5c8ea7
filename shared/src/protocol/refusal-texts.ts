import type { RefusalCode } from './close.ts';

/** A refusal in the words of HTTP and of people. Apart from the rules, because no client shows either. */
export interface RefusalText {
  /** The HTTP status where the refusal answers a request. */
  readonly httpStatus: number;
  /** One line for people: what happened. */
  readonly meaning: string;
}

/** All refusal codes with what they mean. */
export const refusalTexts: Readonly<Record<RefusalCode, RefusalText>> = {
  TW_MALFORMED_MESSAGE: { httpStatus: 400, meaning: 'A message could not be decoded.' },
  TW_UNEXPECTED_MESSAGE: { httpStatus: 400, meaning: 'A message came in a state that does not allow it.' },
  TW_TEXT_FRAME: { httpStatus: 400, meaning: 'A text frame came; the protocol is binary.' },
  TW_MALFORMED_UPDATE: { httpStatus: 422, meaning: 'The bytes are not a valid Yjs V1 update.' },
  TW_MISSING_DEPENDENCIES: { httpStatus: 409, meaning: 'The update builds on content the relay does not have.' },
  TW_TOO_LARGE: { httpStatus: 413, meaning: 'A message or update is over the size limit.' },
  TW_TOO_MANY_DOCUMENTS: { httpStatus: 429, meaning: 'The connection has too many documents open.' },
  TW_INVALID_NAME: { httpStatus: 400, meaning: 'A document name is 1 to 512 bytes of Unicode.' },
  TW_NOT_FOUND: { httpStatus: 404, meaning: 'There is nothing at this address.' },
  TW_METHOD_NOT_ALLOWED: { httpStatus: 405, meaning: 'The address exists, but not for this HTTP method.' },
  TW_BAD_REQUEST: { httpStatus: 400, meaning: 'A parameter of the request is not understood.' },
  TW_UNAUTHORIZED: { httpStatus: 401, meaning: 'The token is missing, invalid or expired.' },
  TW_FORBIDDEN: { httpStatus: 403, meaning: 'This is not allowed for you.' },
  TW_READ_ONLY: { httpStatus: 403, meaning: 'The grant allows reading only; the edit was not stored.' },
  TW_ACCESS_CHANGED: { httpStatus: 409, meaning: 'A new token allows more or less than the one before it.' },
  TW_EPOCH_MISMATCH: {
    httpStatus: 409,
    meaning: 'The relay has another history under this name; merging would duplicate content.',
  },
  TW_DOCUMENT_EXISTS: { httpStatus: 409, meaning: 'A document of this name exists already.' },
  TW_DOCUMENT_DELETED: { httpStatus: 410, meaning: 'The document was deleted.' },
  TW_DOCUMENT_CORRUPT: {
    httpStatus: 500,
    meaning: 'The stored document is damaged and set aside until it is repaired.',
  },
  TW_QUARANTINED: { httpStatus: 422, meaning: 'An update passed validation but cannot be applied; it was set aside.' },
  TW_DIVERGED: {
    httpStatus: 409,
    meaning: 'The copy here and the document stay different, however often they were exchanged.',
  },
  TW_STORAGE_FAILED: {
    httpStatus: 503,
    meaning: 'The storage does not take writes at the moment; nothing was acknowledged.',
  },
  TW_OVERLOADED: { httpStatus: 503, meaning: 'A queue of the relay is full at the moment.' },
  TW_TIMEOUT: { httpStatus: 408, meaning: 'Nothing was heard for too long.' },
  TW_SHUTTING_DOWN: { httpStatus: 503, meaning: 'The relay is restarting.' },
  TW_INTERNAL: { httpStatus: 500, meaning: 'Something failed inside the relay; its log says what.' },
};
