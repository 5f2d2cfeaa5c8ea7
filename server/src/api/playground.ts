/** `/` and `/api/playground`: a page with two devices, for whoever tries the relay (docs/http-api.md). */
import { RefusedError } from '@tideweave/shared';
import { Hono } from 'hono';
import type { Authorizer } from '../auth/authorizer.ts';
import { adminOnly } from './admin-only.ts';
import type { ApiEnv } from './env.ts';
import { pageRoutes } from './pages.ts';

export interface PlaygroundContext {
  readonly authorize: Authorizer;
  /** Whether the playground is on. */
  readonly playground: boolean;
  /** Drops every WebSocket and refuses new ones for so long; the storage goes on. */
  readonly breakFor: (ms: number) => void;
}

export function playgroundRoutes({ authorize, playground, breakFor }: PlaygroundContext): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();
  if (!playground) {
    app.get('/', () => {
      throw new RefusedError('TW_NOT_FOUND', 'the playground is off on this relay; it comes with --playground');
    });
    return app;
  }
  app.use('/api/playground/*', adminOnly(authorize));
  app.post('/api/playground/down', async (c) => {
    const seconds = secondsOf(await c.req.json().catch(() => null));
    breakFor(seconds * 1000);
    return c.json({ seconds });
  });
  app.route('/', pageRoutes('playground', ''));
  return app;
}

/** Throws `RefusedError` TW_BAD_REQUEST. */
function secondsOf(body: unknown): number {
  const seconds = body !== null && typeof body === 'object' && 'seconds' in body ? body.seconds : null;
  if (typeof seconds !== 'number' || !(seconds >= 0 && seconds <= outageSecondsMax)) {
    throw new RefusedError('TW_BAD_REQUEST', `seconds is a number from 0 to ${outageSecondsMax}`);
  }
  return seconds;
}

const outageSecondsMax = 120;
