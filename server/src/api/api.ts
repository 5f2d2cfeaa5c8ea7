import type { HttpBindings } from '@hono/node-server';
import { type RefusalCode, refusalRules, refusalTexts } from '@tideweave/shared';
import { Hono } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { asRefused } from '../endpoint/driver.ts';
import { type DocumentsContext, documentRoutes } from './documents.ts';
import { type HealthContext, healthRoutes } from './health.ts';

/** What the HTTP side of a relay works with. */
export interface ApiContext extends DocumentsContext, HealthContext {}

export type Api = Hono<{ Bindings: HttpBindings }>;

/** The relay's HTTP interface; docs/http-api.md describes it. Every error is JSON: `{ "error": { code, message, … } }`. */
export function createApi(context: ApiContext): Api {
  const app: Api = new Hono();
  app.route('/', healthRoutes(context));
  app.route('/api/docs', documentRoutes(context));
  app.notFound((c) => {
    const code = c.req.path.startsWith('/api/docs') ? 'TW_METHOD_NOT_ALLOWED' : 'TW_NOT_FOUND';
    return c.json(errorBody(code, `${c.req.method} ${c.req.path}`, 0), statusOf(code));
  });
  app.onError((error, c) => {
    const refused = asRefused(error, context.logger, 'an HTTP request failed');
    const { code, message, retryAfterMs } = refused;
    if (refusalRules[code].action === 'retry')
      c.header('Retry-After', String(Math.max(1, Math.ceil(retryAfterMs / 1000))));
    // What is left of the body is not read.
    if (code === 'TW_TOO_LARGE') c.header('Connection', 'close');
    return c.json(errorBody(code, message, retryAfterMs), statusOf(code));
  });
  return app;
}

function statusOf(code: RefusalCode): ContentfulStatusCode {
  return refusalTexts[code].httpStatus as ContentfulStatusCode;
}

function errorBody(code: RefusalCode, message: string, retryAfterMs: number): object {
  const { action } = refusalRules[code];
  const { meaning } = refusalTexts[code];
  return { error: { code, message, meaning, action, retryAfterMs } };
}
