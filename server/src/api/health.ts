import { RefusedError } from '@tideweave/shared';
import { Hono } from 'hono';
import type { DocumentLog } from '../log/document-log.ts';
import type { WriteBatcher } from '../log/write-batcher.ts';
import type { Metrics } from '../observability/metrics.ts';
import type { ApiEnv } from './env.ts';

export interface HealthContext {
  readonly log: DocumentLog;
  readonly batcher: WriteBatcher;
  /** Read when somebody scrapes for the first time: what it takes is large, and most relays are never scraped. */
  readonly metrics: () => Promise<Metrics>;
  readonly isDraining: () => boolean;
}

/**
 * `/healthz`: the process answers. `/readyz`: it would take an edit now and make it durable. `/metrics`: numbers for
 * Prometheus, without a name or content in them.
 */
export function healthRoutes({ log, batcher, metrics, isDraining }: HealthContext): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();
  app.get('/healthz', (c) => c.json({ status: 'ok' }));
  app.get('/readyz', async (c) => {
    if (isDraining()) throw new RefusedError('TW_SHUTTING_DOWN', 'the relay is draining');
    if (batcher.health === 'failing') throw new RefusedError('TW_STORAGE_FAILED', 'the last commit failed');
    try {
      await log.probe();
    } catch (error) {
      throw new RefusedError('TW_STORAGE_FAILED', 'the storage does not take a write', { cause: error });
    }
    return c.json({ status: 'ok' });
  });
  app.get('/metrics', async (c) => {
    const found = await metrics();
    return c.body(await found.scrape(), 200, { 'Content-Type': found.contentType });
  });
  return app;
}
