/** `/api/admin`: for whoever looks after a relay. Asks for a grant with `admin` each time (docs/operating.md). */
import { Readable } from 'node:stream';

import { type DocumentsPage, type FiguresPage, type LogPage, RefusedError, type WebhooksInfo } from '@tideweave/shared';
import { Hono } from 'hono';
import type { Authorizer } from '../auth/authorizer.ts';
import { LogSource } from '../backup/backup-source.ts';
import type { ContentPool } from '../content/content-pool.ts';
import type { DocumentLog } from '../log/document-log.ts';
import type { Figures } from '../observability/figures.ts';
import type { Meter } from '../observability/meter.ts';
import type { RoomRegistry } from '../room/room-registry.ts';
import type { OpenWebhooks } from '../webhooks/open-webhooks.ts';
import { adminOnly } from './admin-only.ts';
import { difference, pageLimit } from './documents.ts';
import type { ApiEnv } from './env.ts';
import { entryInfo, inspectDocument } from './inspection.ts';

export interface AdminContext {
  readonly log: DocumentLog;
  readonly rooms: RoomRegistry;
  readonly authorize: Authorizer;
  readonly meter: Meter;
  readonly figures: Pick<Figures, 'read'>;
  readonly content: Pick<ContentPool, 'json'>;
  /** Null where nobody is told. */
  readonly webhooks: () => OpenWebhooks | null;
}

/** What is shown of a document in one piece. */
const contentBytesMax = 32 << 20;
/** Events that wait, as far as they are shown. */
const webhooksShown = 20;
const startedAt = Math.round(performance.timeOrigin);

export function adminRoutes({ log, rooms, authorize, meter, figures, content, webhooks }: AdminContext): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();
  const source = new LogSource(log);

  app.use(adminOnly(authorize));

  app.get('/docs', async (c) => {
    const { search = '', after, limit } = c.req.query();
    const { documents, next } = await source.find(search, after ?? null, pageLimit(limit));
    const answer: DocumentsPage = {
      documents: documents.map((one) => ({ ...one, connections: rooms.peek(one.name)?.audience.size ?? 0 })),
      next,
    };
    return c.json(answer);
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
    const answer: LogPage = { epoch: head.epoch, firstSeq: head.firstSeq, entries: page.map(entryInfo) };
    return c.json(answer);
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

  app.get('/docs/:name/content', async (c) => {
    const name = c.req.param('name');
    if ((await log.head(name)) === null) throw notFound(name);
    const update = await difference(rooms, name, new Map());
    if (update.length > contentBytesMax) {
      throw new RefusedError(
        'TW_TOO_LARGE',
        `the document has ${update.length} bytes; at most ${contentBytesMax} are shown`,
      );
    }
    return c.body(await content.json(update), 200, { 'Content-Type': 'application/json' });
  });

  app.get('/figures', (c) => {
    const answer: FiguresPage = { startedAt, samples: figures.read(wholeNumber(c.req.query('after') ?? '0')) };
    return c.json(answer);
  });

  app.get('/webhooks', async (c) => {
    const open = webhooks();
    if (open === null) return c.json({ receiver: null });
    const { queue, sender } = open;
    const { webhooks: sent, failedWebhooks: failedAttempts } = meter;
    const oldest = await queue.oldest(webhooksShown);
    const { receiver, trouble } = sender;
    const answer: WebhooksInfo = { receiver, sent, failedAttempts, waiting: queue.size, trouble, oldest };
    return c.json(answer);
  });

  app.get('/refusals', (c) => c.json({ refusals: meter.recentRefusals }));

  return app;
}

/** Throws `RefusedError` TW_BAD_REQUEST. */
function wholeNumber(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new RefusedError('TW_BAD_REQUEST', 'after is a whole number');
  return Number(text);
}

/** A relay's answer for a name that was never used. */
function notFound(name: string): RefusedError {
  return new RefusedError('TW_NOT_FOUND', `there is no document ${JSON.stringify(name)}`);
}
