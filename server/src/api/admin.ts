/** `/api/admin`: for whoever looks after a relay. Asks for a grant with `admin` each time (docs/operating.md). */
import { Readable } from 'node:stream';

import { RefusedError } from '@tideweave/shared';
import { Hono } from 'hono';
import type { Authorizer } from '../auth/authorizer.ts';
import { LogSource } from '../backup/backup-source.ts';
import { authorized, peerOf } from '../endpoint/driver.ts';
import type { DocumentLog } from '../log/document-log.ts';
import type { RoomRegistry } from '../room/room-registry.ts';
import { bearerToken, pageLimit } from './documents.ts';
import type { ApiEnv } from './env.ts';

export interface AdminContext {
  readonly log: DocumentLog;
  readonly rooms: RoomRegistry;
  readonly authorize: Authorizer;
}

export function adminRoutes({ log, rooms, authorize }: AdminContext): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();
  const source = new LogSource(log);

  app.use(async (c, next) => {
    const request = { document: null, via: 'http', access: 'admin', token: bearerToken(c) } as const;
    const logger = c.get('logger');
    const grant = await authorized({ authorize, logger }, { ...request, ...peerOf(c.env.incoming) });
    if (grant.admin !== true) throw new RefusedError('TW_FORBIDDEN', 'only who looks after the relay may do this');
    await next();
  });

  app.get('/docs', async (c) => {
    const documents = await source.list(c.req.query('after') ?? null, pageLimit(c.req.query('limit')));
    return c.json({
      documents: documents.map((one) => ({ ...one, connections: rooms.peek(one.name)?.memberCount ?? 0 })),
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

  return app;
}

/** A relay's answer for a name that was never used. */
function notFound(name: string): RefusedError {
  return new RefusedError('TW_NOT_FOUND', `there is no document ${JSON.stringify(name)}`);
}
