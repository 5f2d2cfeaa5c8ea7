/**
 * The relay's log: JSON lines on stderr. No content and no token may stand in a line (O1), so fields are scalars by
 * type (bytes do not compile), names that hold secrets are redacted, and errors are written field by field.
 */
import { type DestinationStream, destination, pino, stdTimeFunctions } from 'pino';
import type { LogLevel } from '../config-schema.ts';

/** `err` is where an error goes. Document names and user ids are allowed; what is in a document is not. */
export type LogFields = Readonly<Record<string, string | number | boolean | null | undefined | Error>>;

/** What the rest of the relay logs through; a test hands in its own. */
export interface Logger {
  trace(fields: LogFields, message: string): void;
  debug(fields: LogFields, message: string): void;
  info(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  error(fields: LogFields, message: string): void;
  fatal(fields: LogFields, message: string): void;
}

/** Logs with some fields in each line. There is one per connection, and pino's children weigh ten times as much. */
class LoggerWithFields implements Logger {
  readonly #logger: Logger;
  readonly #fields: LogFields;

  constructor(logger: Logger, fields: LogFields) {
    this.#logger = logger;
    this.#fields = fields;
  }

  trace(fields: LogFields, message: string): void {
    this.#logger.trace({ ...this.#fields, ...fields }, message);
  }

  debug(fields: LogFields, message: string): void {
    this.#logger.debug({ ...this.#fields, ...fields }, message);
  }

  info(fields: LogFields, message: string): void {
    this.#logger.info({ ...this.#fields, ...fields }, message);
  }

  warn(fields: LogFields, message: string): void {
    this.#logger.warn({ ...this.#fields, ...fields }, message);
  }

  error(fields: LogFields, message: string): void {
    this.#logger.error({ ...this.#fields, ...fields }, message);
  }

  fatal(fields: LogFields, message: string): void {
    this.#logger.fatal({ ...this.#fields, ...fields }, message);
  }
}

/** A logger that adds these fields to each of its lines. */
export function withFields(logger: Logger, fields: LogFields): Logger {
  return new LoggerWithFields(logger, fields);
}

/** Names under which a secret or content could be logged by mistake. */
const secretFields = ['token', 'authorization', 'cookie', 'password', 'secret', 'content', 'update', 'state', 'body'];

/** Log lines that wait while whoever reads stderr is slow; beyond it they are dropped rather than stop the relay. */
const waitingBytesMax = 1024 * 1024;

/** Errors quote what they failed on, a URL with its token for example. */
function scrub(text: string): string {
  return text
    .replace(
      /\b(token|access_token|authorization|password|secret)(["']?\s*[=:]\s*["']?)(?:Bearer\s+)?[^\s&"',;)]+/gi,
      '$1$2[redacted]',
    )
    .replace(/\beyJ[\w-]+\.[\w-]+\.[\w-]*/g, '[redacted]');
}

/** Only these fields of an error: libraries hang whatever they were working on onto theirs. */
function describeError(error: unknown, depth: number = 0): unknown {
  if (!(error instanceof Error)) return scrub(String(error));
  const code: unknown = 'code' in error ? error.code : undefined;
  return {
    type: error.name,
    message: scrub(error.message),
    ...(typeof code === 'string' && { code }),
    ...(error.stack !== undefined && { stack: scrub(error.stack) }),
    ...(error.cause !== undefined && depth < 3 && { cause: describeError(error.cause, depth + 1) }),
  };
}

/** Writes to stderr unless told otherwise. */
export function createLogger(options: { level: LogLevel; stream?: DestinationStream }): Logger {
  return pino(
    {
      level: options.level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: (error: unknown) => describeError(error), url: (url: unknown) => scrub(String(url)) },
      redact: { paths: secretFields, censor: '[redacted]' },
    },
    options.stream ?? destination({ dest: 2, sync: false, maxLength: waitingBytesMax }),
  );
}

/** What was thrown, as an error. */
export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
