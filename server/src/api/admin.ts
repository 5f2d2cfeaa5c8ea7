/** `/api/admin`: for whoever looks after a relay. Asks for a grant with `admin` each time (docs/operating.md). */
import { Readable } from 'node:stream';

import { RefusedError } from '@tideweave/shared';
import { Hono } from 'hono';
import type { Authorizer } from '../auth/authorizer.ts';
import { LogSource } from '../backup/backup-source.ts';
import type { DocumentLog } from '../log/document-log.ts';
import type { Meter } from '../observability/meter.ts';
import type { RoomRegistry } from '../room/room-registry.ts';
import { adminOnly } from './admin-only.ts';
import { pageLimit } from './documents.ts';
import type { ApiEnv } from './env.ts';
import { entryInfo, inspectDocument } from './inspection.ts';

export interface AdminContext {
  readonly log: DocumentLog;
  readonly rooms: RoomRegistry;
  readonly authorize: Authorizer;
  readonly meter: Meter;
}

export function adminRoutes({ log, rooms, authorize, meter }: AdminContext): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();
  const source = new LogSource(log);

  app.use(adminOnly(authorize));

  app.get('/docs', async (c) => {
    const documents = await source.list(c.req.query('after') ?? null, pageLimit(c.req.query('limit')));
    return c.json({
      documents: documents.map((one) => ({ ...one, connections: rooms.peek(one.name)?.audience.size ?? 0 })),
    });
  });

  app.get('/docs/:name/image', async (c) => {
    const name = c.req.param('name');
    const lines = await source.read(name);
    if (lines === null) throw notFound(name);
    return c.body(Readable.toWeb(Readable.from(lines)) as ReadableStream, 200, {
      'Content-Type': 'application/x-ndjson',
    });
  });

  app.get('/docs/:name', async (c) => {
    const name = c.req.param('name');
    const found = await inspectDocument(log, rooms, name);
    if (found === null) throw notFound(name);
    return c.json(found);
  });

  app.get('/docs/:name/log', async (c) => {
    const name = c.req.param('name');
    const head = await log.head(name);
    if (head === null) throw notFound(name);
    const after = Math.max(head.firstSeq - 1, wholeNumber(c.req.query('after') ?? '0'));
    const entries = after < head.lastSeq ? await log.read(name, after) : [];
    const page = entries.slice(0, pageLimit(c.req.query('limit')));
    return c.json({ epoch: head.epoch, firstSeq: head.firstSeq, entries: page.map(entryInfo) });
  });

  app.post('/docs/:name/compact', async (c) => {
    const name = c.req.param('name');
    const before = await log.head(name);
    if (before === null) throw notFound(name);
    const outcome = await rooms.compact(name);
    return c.json({
      compacted: outcome !== null,
      setAside: outcome?.quarantined.length ?? 0,
      head: await log.head(name),
    });
  });

  app.get('/refusals', (c) => c.json({ refusals: meter.recentRefusals }));

  return app;
}

/** Throws `RefusedError` TW_BAD_REQUEST. */
function wholeNumber(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new RefusedError('TW_BAD_REQUEST', 'after is a sequence number');
  return Number(text);
}

/** A relay's answer for a name that was never used. */
function notFound(name: string): RefusedError {
  return new RefusedError('TW_NOT_FOUND', `there is no document ${JSON.stringify(name)}`);
}
