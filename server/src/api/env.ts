import type { HttpBindings } from '@hono/node-server';
import type { Logger } from '../observability/log.ts';

/** What every route of the HTTP interface finds with its request. */
export interface ApiEnv {
  readonly Bindings: HttpBindings;
  /** The logger's lines name the request. */
  readonly Variables: { logger: Logger; requestId: string };
}
