import { type Limits, RefusedError, type StateVector, decodeStateVector, mergeUpdates } from '@tideweave/shared';
import { type Context, Hono } from 'hono';
import type { Authorizer, Grant } from '../auth/authorizer.ts';
import { authorized, missingDependencies, peerOf } from '../endpoint/driver.ts';
import type { DocumentLog, Head } from '../log/document-log.ts';
import { documentDeleted } from '../log/head-rules.ts';
import type { Contributor } from '../room/member.ts';
import type { RoomRegistry } from '../room/room-registry.ts';
import type { ApiEnv } from './env.ts';

export interface DocumentsContext {
  readonly log: DocumentLog;
  readonly rooms: RoomRegistry;
  readonly authorize: Authorizer;
  readonly limits: Limits;
}

type ApiRequest = Context<ApiEnv>;

/** `/api/docs`: the documents of a relay, by name. A name is one path segment, percent-encoded. */
export function documentRoutes(context: DocumentsContext): Hono<ApiEnv> {
  const { log, rooms } = context;
  const app = new Hono<ApiEnv>();

  app.get('/', async (c) => {
    await grantFor(context, c, null, 'read');
    const limit = pageLimit(c.req.query('limit'));
    const heads = await log.list({ after: c.req.query('after') ?? null, limit });
    const last = heads.at(-1);
    return c.json({
      documents: heads.map((head) => summary(head, rooms)),
      next: heads.length === limit && last !== undefined ? last.name : null,
    });
  });

  app.get('/:name', async (c) => {
    const name = nameOf(c);
    await grantFor(context, c, name, 'read');
    const head = await livingHead(log, name);
    const { epoch, createdAt, updatedAt } = head;
    return c.json({
      ...summary(head, rooms),
      epoch,
      created: new Date(createdAt).toISOString(),
      updated: new Date(updatedAt).toISOString(),
    });
  });

  app.get('/:name/update', async (c) => {
    const name = nameOf(c);
    await grantFor(context, c, name, 'read');
    await livingHead(log, name);
    const update = await difference(rooms, name, stateVectorOf(c.req.query('sv')));
    return c.body(new Uint8Array(update), 200, { 'Content-Type': 'application/octet-stream' });
  });

  app.post('/:name/update', async (c) => {
    const name = nameOf(c);
    const grant = await grantFor(context, c, name, 'write');
    const update = await bodyOf(c, context.limits.updateBytesMax);
    await store(rooms, name, grant, update);
    return c.json({ name, durable: true });
  });

  app.put('/:name', async (c) => {
    const name = nameOf(c);
    await grantFor(context, c, name, 'write');
    await rooms.create(name);
    return c.json({ name }, 201);
  });

  app.delete('/:name', async (c) => {
    const name = nameOf(c);
    await grantFor(context, c, name, 'write');
    if (!(await rooms.delete(name)))
      throw new RefusedError('TW_NOT_FOUND', `there is no document ${JSON.stringify(name)}`);
    return c.json({ name, deleted: true });
  });

  return app;
}

/** What the request shows to the authorizer; empty when it brings nothing. */
export function bearerToken(c: ApiRequest): string {
  return /^Bearer (.+)$/i.exec(c.req.header('authorization') ?? '')?.[1] ?? '';
}

async function grantFor(
  context: DocumentsContext,
  c: ApiRequest,
  document: string | null,
  access: Grant['access'],
): Promise<Grant> {
  const token = bearerToken(c);
  const grant = await authorized(
    { authorize: context.authorize, logger: c.get('logger') },
    { document, via: 'http', access, token, ...peerOf(c.env.incoming) },
  );
  if (access === 'write' && grant.access !== 'write')
    throw new RefusedError('TW_READ_ONLY', 'the grant allows reading only');
  return grant;
}

function nameOf(c: ApiRequest): string {
  return c.req.param('name') ?? '';
}

/** The body. Throws `RefusedError` TW_TOO_LARGE as soon as it is known to have more than `bytesMax`. */
async function bodyOf(c: ApiRequest, bytesMax: number): Promise<Uint8Array> {
  const { incoming } = c.env;
  const tooLarge = (): RefusedError => new RefusedError('TW_TOO_LARGE', `a body of more than ${bytesMax} bytes`);
  if (Number(incoming.headers['content-length'] ?? 0) > bytesMax) throw tooLarge();
  const chunks: Buffer[] = [];
  let bytes = 0;
  // Stays open when left early: the answer goes over the same socket.
  for await (const chunk of incoming.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > bytesMax) throw tooLarge();
    chunks.push(chunk);
  }
  return new Uint8Array(Buffer.concat(chunks, bytes));
}

/** The head of a document that exists. Throws `RefusedError` TW_NOT_FOUND or TW_DOCUMENT_DELETED. */
async function livingHead(log: DocumentLog, name: string): Promise<Head> {
  const head = await log.head(name);
  if (head === null) throw new RefusedError('TW_NOT_FOUND', `there is no document ${JSON.stringify(name)}`);
  if (head.deletedAt !== null) throw documentDeleted(name);
  return head;
}

function summary(head: Head, rooms: RoomRegistry): object {
  return {
    name: head.name,
    seq: head.lastSeq,
    bytes: head.snapshotBytes + head.tailBytes,
    connections: rooms.peek(head.name)?.audience.size ?? 0,
  };
}

/** What of a document is beyond a state vector, as one update. */
export async function difference(rooms: RoomRegistry, name: string, stateVector: StateVector): Promise<Uint8Array> {
  const room = await rooms.get(name);
  let update: Uint8Array | null = null;
  await room.bringUpToDate({ seq: null, stateVector }, (updates) => {
    update = updates.length === 1 ? (updates[0] ?? null) : mergeUpdates(updates);
  });
  return update ?? mergeUpdates([]);
}

/** Resolves when the update is durable. */
async function store(rooms: RoomRegistry, name: string, grant: Grant, update: Uint8Array): Promise<void> {
  const room = await rooms.get(name);
  await new Promise<void>((resolve, reject) => {
    let awaited = Infinity;
    const contributor: Contributor = {
      user: grant.user,
      device: 'http',
      committed: (ticket) => {
        if (ticket >= awaited) resolve();
      },
      ended: reject,
    };
    const verdict = room.accept(update, contributor);
    if (verdict.kind === 'missing') throw missingDependencies();
    awaited = verdict.ticket;
    contributor.committed(room.committedTicket);
  });
}

/** How many documents a page has. Throws `RefusedError` TW_BAD_REQUEST. */
export function pageLimit(text: string | undefined): number {
  if (text === undefined) return pageLimitDefault;
  const limit = Number(text);
  if (!Number.isInteger(limit) || limit < 1 || limit > pageLimitMax) {
    throw new RefusedError('TW_BAD_REQUEST', `limit is a whole number from 1 to ${pageLimitMax}`);
  }
  return limit;
}

function stateVectorOf(text: string | undefined): StateVector {
  if (text === undefined || text === '') return new Map();
  if (!/^[\w-]+={0,2}$/.test(text)) throw new RefusedError('TW_BAD_REQUEST', 'sv is a state vector in base64url');
  return decodeStateVector(new Uint8Array(Buffer.from(text, 'base64url')));
}

const pageLimitDefault = 100;
const pageLimitMax = 1000;
