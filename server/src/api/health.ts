import type { HttpBindings } from '@hono/node-server';
import { RefusedError } from '@tideweave/shared';
import { Hono } from 'hono';
import type { DocumentLog } from '../log/document-log.ts';
import type { WriteBatcher } from '../log/write-batcher.ts';

export interface HealthContext {
  readonly log: DocumentLog;
  readonly batcher: WriteBatcher;
  readonly isDraining: () => boolean;
}

/** `/healthz`: the process answers. `/readyz`: it would take an edit now and make it durable. */
export function healthRoutes({ log, batcher, isDraining }: HealthContext): Hono<{ Bindings: HttpBindings }> {
  const app = new Hono<{ Bindings: HttpBindings }>();
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
  return app;
}
