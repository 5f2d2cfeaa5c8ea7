import { type Clock, type RefusalCode, RefusedError, refusalRules, refusalTexts } from '@tideweave/shared';
import { Hono } from 'hono';
import { cors } from 'hono/cors';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { asRefused } from '../endpoint/driver.ts';
import type { Ids } from '../observability/ids.ts';
import { type Logger, withFields } from '../observability/log.ts';
import type { Meter } from '../observability/meter.ts';
import { originRule } from '../auth/authorizer.ts';
import { type AdminContext, adminRoutes } from './admin.ts';
import { type DocumentsContext, documentRoutes } from './documents.ts';
import type { ApiEnv } from './env.ts';
import { type HealthContext, healthRoutes } from './health.ts';
import { pageRoutes } from './pages.ts';
import { type PlaygroundContext, playgroundRoutes } from './playground.ts';

/** What the HTTP side of a relay works with. */
export interface ApiContext extends DocumentsContext, HealthContext, PlaygroundContext, AdminContext {
  readonly logger: Logger;
  readonly clock: Clock;
  readonly meter: Meter;
  readonly ids: Ids;
  /** Origins beside loopback ones whose pages may read the answers. */
  readonly allowedOrigins: readonly string[];
}

export type Api = Hono<ApiEnv>;

/** The relay's HTTP interface; docs/http-api.md describes it. Every error is JSON: `{ "error": { code, message, … } }`. */
export function createApi(context: ApiContext): Api {
  const app: Api = new Hono();
  const { clock, meter, ids } = context;
  app.use(async (c, next) => {
    const asked = c.req.header('x-request-id') ?? '';
    const requestId = requestIdForm.test(asked) ? asked : ids.next();
    const logger = withFields(context.logger, { request: requestId });
    c.set('logger', logger);
    c.set('requestId', requestId);
    c.header('X-Request-Id', requestId);
    meter.requests += 1;
    const startedMs = clock.now();
    if (context.isDraining() && c.req.path.startsWith('/api/')) {
      throw new RefusedError('TW_SHUTTING_DOWN', 'the relay is draining');
    }
    await next();
    const { method, path } = c.req;
    logger.debug({ method, path, status: c.res.status, ms: Math.round(clock.now() - startedMs) }, 'answered');
  });
  const isAllowed = originRule(context.allowedOrigins);
  app.use(
    '/api/*',
    cors({
      origin: (origin) => (isAllowed(origin) ? origin : null),
      allowMethods: ['GET', 'PUT', 'POST', 'DELETE'],
      allowHeaders: ['Authorization', 'Content-Type', 'X-Request-Id'],
      exposeHeaders: ['X-Request-Id', 'Retry-After'],
      maxAge: preflightSeconds,
    }),
  );
  app.route('/', healthRoutes(context));
  app.route('/api/docs', documentRoutes(context));
  app.route('/api/admin', adminRoutes(context));
  // The page has nothing in it that is not in the package: what it shows, it asks /api/admin for.
  app.route('/', pageRoutes('inspector', '/_'));
  app.route('/', playgroundRoutes(context));
  app.notFound((c) => {
    const code = c.req.path.startsWith('/api/docs') ? 'TW_METHOD_NOT_ALLOWED' : 'TW_NOT_FOUND';
    return c.json(errorBody(code, `${c.req.method} ${c.req.path}`, 0), statusOf(code));
  });
  app.onError((error, c) => {
    const refused = asRefused(error, c.get('logger'), 'an HTTP request failed');
    meter.refused(refused, clock.wallTime(), c.get('requestId'));
    const { code, message, retryAfterMs } = refused;
    if (refusalRules[code].action === 'retry')
      c.header('Retry-After', String(Math.max(1, Math.ceil(retryAfterMs / 1000))));
    // What is left of the body is not read.
    if (code === 'TW_TOO_LARGE') c.header('Connection', 'close');
    return c.json(errorBody(code, message, retryAfterMs), statusOf(code));
  });
  return app;
}

/** How long a browser remembers what other pages may ask. */
const preflightSeconds = 600;

/** An id that somebody in front of the relay gave a request. */
const requestIdForm = /^[\w.-]{1,64}$/;

function statusOf(code: RefusalCode): ContentfulStatusCode {
  return refusalTexts[code].httpStatus as ContentfulStatusCode;
}

function errorBody(code: RefusalCode, message: string, retryAfterMs: number): object {
  const { action } = refusalRules[code];
  const { meaning } = refusalTexts[code];
  return { error: { code, message, meaning, action, retryAfterMs } };
}
