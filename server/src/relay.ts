import { randomBytes } from 'node:crypto';
import { type IncomingMessage, type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { type Cancel, type Clock, type Limits, defaultLimits } from '@tideweave/shared';
import { createApi } from './api/api.ts';
import { type Authorizer, answeringInTime, openAuthorizer } from './auth/authorizer.ts';
import { systemClock } from './clock.ts';
import { ContentPool } from './content/content-pool.ts';
import { Compactor } from './compaction/compactor.ts';
import { WebSocketEndpoint } from './endpoint/websocket-endpoint.ts';
import type { DocumentLog } from './log/document-log.ts';
import { folderBytes } from './log/folder-bytes.ts';
import { openLevelLog } from './log/level-log.ts';
import { MemoryLog } from './log/memory-log.ts';
import { WriteBatcher } from './log/write-batcher.ts';
import { type Logger, asError, createLogger } from './observability/log.ts';
import { Ids } from './observability/ids.ts';
import { Meter } from './observability/meter.ts';
import { Figures } from './observability/figures.ts';
import type { Metrics, MetricsSources } from './observability/metrics.ts';
import { RoomRegistry } from './room/room-registry.ts';
import { Turn } from './room/turn.ts';
import { type OpenWebhooks, type WebhookSettings, openWebhooks } from './webhooks/open-webhooks.ts';

/** How to run a relay. */
export interface RelayOptions {
  /** Address to listen on; default 127.0.0.1. Beyond loopback `insecure` or an `authorize` of your own is needed. */
  readonly host?: string;
  /** Port to listen on; default 1234, 0 for a free one. */
  readonly port?: number;
  /** Folder of the documents; null keeps them in memory only. Default null. */
  readonly data?: string | null;
  /** Log to keep documents in, in place of `data`; closed with the relay. */
  readonly log?: DocumentLog;
  readonly limits?: Partial<Limits>;
  /** Decides who may do what; default: everything is granted, except to pages of foreign sites. */
  readonly authorize?: Authorizer;
  /** Origins of pages that may connect beside loopback ones, with the default authorizer. */
  readonly allowedOrigins?: readonly string[];
  /** Listen beyond loopback although everything is granted to everybody. */
  readonly insecure?: boolean;
  /** Tells an application what happens to documents; needs `data`. Default: nobody. */
  readonly webhooks?: WebhookSettings;
  /** Serves a page with two devices at `/`, to try the relay with. Default false. */
  readonly playground?: boolean;
  readonly logger?: Logger;
}

/** A running relay. */
export interface Relay {
  /** Where it really listens. */
  readonly address: { readonly host: string; readonly port: number };
  /** Numbers at a glance. */
  readonly stats: { readonly connections: number; readonly documents: number };
  /** Ends in good order: what was accepted is made durable and acknowledged first (R5). */
  close(): Promise<void>;
}

/** Starts a relay; resolves when it listens. Rejects when the folder is in use, damaged, or the port is taken. */
export async function createRelay(options: RelayOptions = {}): Promise<Relay> {
  const { host = '127.0.0.1', port = 1234, insecure = false } = options;
  if (options.authorize === undefined && !insecure && !isLoopback(host)) {
    throw new Error(
      `refusing to listen on ${host}: everybody would be granted everything; pass an authorizer or insecure`,
    );
  }
  if (options.webhooks !== undefined && (options.data ?? null) === null) {
    throw new Error('webhooks are kept in the data folder until they are received: pass data');
  }
  const logger = options.logger ?? createLogger({ level: 'warn' });
  const clock = systemClock;
  const log = options.log ?? (await openLog(options.data ?? null, clock, logger));
  try {
    const relay = new RunningRelay(options, log, clock, logger);
    await relay.tell(options);
    await relay.listen(host, port);
    return relay;
  } catch (error) {
    await log.close();
    throw error;
  }
}

class RunningRelay implements Relay {
  readonly #limits: Limits;
  readonly #log: DocumentLog;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #batcher: WriteBatcher;
  readonly #compactor: Compactor;
  readonly #rooms: RoomRegistry;
  readonly #endpoint: WebSocketEndpoint;
  readonly #meter: Meter;
  #metrics: Promise<Metrics> | null = null;
  readonly #figures: Figures;
  readonly #content = new ContentPool();
  #webhooks: OpenWebhooks | null = null;
  readonly #server: Server;
  #sweepTimer: Cancel | null = null;
  #closing: Promise<void> | null = null;

  constructor(options: RelayOptions, log: DocumentLog, clock: Clock, logger: Logger) {
    const limits: Limits = { ...defaultLimits, ...options.limits };
    const authorize = answeringInTime(
      options.authorize ?? openAuthorizer(options.allowedOrigins ?? []),
      clock,
      limits.authorizeMs,
    );
    const turn = new Turn(clock);
    const meter = new Meter();
    const ids = new Ids(randomBytes(3).toString('hex'));
    const batcher = new WriteBatcher({
      log,
      clock,
      gatherMs: commitGatherMs,
      uncommittedBytesMax: limits.uncommittedBytesMax,
      meter,
      onHealth: (health, error) => {
        if (health === 'ok') logger.info({}, 'the storage takes writes again');
        else logger.error({ err: asError(error) }, 'the storage fails: nothing is acknowledged until it recovers');
      },
      onError: (error) => logger.error({ err: asError(error) }, 'a commit could not be reported'),
    });
    const compactor = new Compactor({ log, clock, rawWindowBytes: limits.rawWindowBytes });
    const onLifecycle = (name: string): void => this.#webhooks?.webhooks.changed(name);
    const rooms = new RoomRegistry({ clock, turn, log, batcher, compactor, limits, logger, meter, onLifecycle });
    const data = options.log === undefined ? (options.data ?? null) : null;
    this.#meter = meter;
    const sources: MetricsSources = {
      meter,
      waitingWebhooks: () => this.#webhooks?.queue.size ?? null,
      rooms: () => rooms.size,
      sessions: () => rooms.sessionCount,
      connections: () => this.#endpoint.size,
      socketBufferBytes: () => this.#endpoint.bufferedBytes,
      uncommittedBytes: () => batcher.uncommittedBytes,
      storageWorks: () => batcher.health === 'ok',
      logBytes: async () => (data === null ? null : folderBytes(data)),
    };
    this.#figures = new Figures(sources, clock);
    const isDraining = (): boolean => this.#closing !== null;
    const api = createApi({
      log,
      batcher,
      rooms,
      authorize,
      limits,
      logger,
      clock,
      meter,
      metrics: () => (this.#metrics ??= openMetrics(sources)),
      figures: this.#figures,
      content: this.#content,
      webhooks: () => this.#webhooks,
      allowedOrigins: options.allowedOrigins ?? [],
      ids,
      isDraining,
      playground: options.playground ?? false,
      breakFor: (ms) => this.#endpoint.breakFor(ms),
    });
    this.#limits = limits;
    this.#log = log;
    this.#clock = clock;
    this.#logger = logger;
    this.#batcher = batcher;
    this.#compactor = compactor;
    this.#rooms = rooms;
    this.#endpoint = new WebSocketEndpoint({ rooms, authorize, limits, clock, turn, logger, meter, ids });
    const listener = getRequestListener((request, env) => api.fetch(request, env), { overrideGlobalObjects: false });
    this.#server = createServer((request, response) => void listener(request, response));
    this.#server.on('upgrade', (request: IncomingMessage, socket, head) =>
      this.#endpoint.upgrade(request, socket, head),
    );
  }

  get address(): { readonly host: string; readonly port: number } {
    const { address, port } = this.#server.address() as AddressInfo;
    return { host: address, port };
  }

  get stats(): { readonly connections: number; readonly documents: number } {
    return { connections: this.#endpoint.size, documents: this.#rooms.size };
  }

  /** Opens what tells the application, before anything can happen. */
  async tell({ webhooks, data }: RelayOptions): Promise<void> {
    if (webhooks === undefined || data === undefined || data === null) return;
    const parts = { log: this.#log, clock: this.#clock, logger: this.#logger, meter: this.#meter };
    this.#webhooks = await openWebhooks(webhooks, data, parts);
    await this.#webhooks.webhooks.start();
  }

  async listen(host: string, port: number): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, host, () => {
        this.#server.off('error', reject);
        resolve();
      });
    });
    this.#planSweep();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#sweepTimer?.();
    this.#endpoint.drain();
    this.#rooms.flush();
    await this.#within(
      this.#limits.drainMs,
      this.#batcher.drain(),
      'edits that were not acknowledged are left to their clients',
    );
    // Until here it answers that it is not ready, so that nobody new is sent to it.
    const serverClosed = new Promise<unknown>((resolve) => this.#server.close(resolve));
    await this.#endpoint.close();
    await this.#within(answersMs, serverClosed, 'HTTP requests under way are cut off');
    this.#server.closeAllConnections();
    await serverClosed;
    (await this.#metrics)?.close();
    this.#figures.close();
    await this.#content.close();
    this.#batcher.stop();
    await this.#webhooks?.webhooks.close();
    await this.#compactor.close();
    await this.#log.close();
  }

  #planSweep(): void {
    this.#sweepTimer = this.#clock.after(sweepMs, () => {
      this.#webhooks?.webhooks.sweep(this.#rooms.loaded);
      this.#rooms.sweep();
      this.#endpoint.sweep();
      this.#planSweep();
    });
  }

  async #within(ms: number, work: Promise<unknown>, otherwise: string): Promise<void> {
    let cancel: Cancel = () => undefined;
    const timeout = new Promise<void>((resolve) => {
      cancel = this.#clock.after(ms, () => {
        this.#logger.warn({ ms }, `draining took too long: ${otherwise}`);
        resolve();
      });
    });
    await Promise.race([work, timeout]);
    cancel();
  }
}

/** Starts of commits are this far apart under load: an fsync then serves many updates, and an acknowledgement stays prompt. */
const commitGatherMs = 20;
const sweepMs = 1000;
/** How long a shutdown waits for answers to HTTP requests when everything is committed. */
const answersMs = 500;

async function openMetrics(sources: MetricsSources): Promise<Metrics> {
  const { Metrics } = await import('./observability/metrics.ts');
  return new Metrics(sources);
}

async function openLog(data: string | null, clock: Clock, logger: Logger): Promise<DocumentLog> {
  const wallTime = (): number => clock.wallTime();
  return data === null
    ? new MemoryLog({ wallTime, randomId: () => randomBytes(8).toString('hex') })
    : openLevelLog({ path: data, wallTime, onDamage: (what) => logger.error({}, what) });
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}
