import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type Clock, type Limits, RefusedError, type RefusalCode, refusalTexts, subprotocol } from '@tideweave/shared';
import { WebSocket, WebSocketServer } from 'ws';
import type { Authorizer } from '../auth/authorizer.ts';
import { type Logger, withFields } from '../observability/log.ts';
import type { Ids } from '../observability/ids.ts';
import type { Meter } from '../observability/meter.ts';
import type { RoomRegistry } from '../room/room-registry.ts';
import type { Turn } from '../room/turn.ts';
import { Connection } from './connection.ts';
import { type Driver, type DriverContext, asRefused, peerOf } from './driver.ts';
import { HocuspocusDriver } from './hocuspocus-driver.ts';
import { nameInPath } from './path-name.ts';
import { RepeatedRefusals } from './repeated-refusals.ts';
import { TideweaveDriver } from './tideweave-driver.ts';
import { YWebsocketDriver } from './y-websocket-driver.ts';

/** What the endpoint works with. */
export interface WebSocketEndpointOptions {
  readonly rooms: RoomRegistry;
  readonly authorize: Authorizer;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly turn: Turn;
  readonly logger: Logger;
  readonly meter: Meter;
  readonly ids: Ids;
}

/** Every WebSocket of a relay: chooses the dialect (DESIGN section 5), reads, and keeps each socket's failures its own. */
export class WebSocketEndpoint {
  readonly #options: WebSocketEndpointOptions;
  readonly #server: WebSocketServer;
  readonly #drivers = new Map<WebSocket, { readonly driver: Driver; readonly connection: Connection }>();
  readonly #refusals: RepeatedRefusals;
  #draining = false;
  /** Nobody comes in before (monotonic ms). */
  #downUntilMs = 0;

  constructor(options: WebSocketEndpointOptions) {
    this.#options = options;
    this.#refusals = new RepeatedRefusals(options.clock);
    this.#server = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      maxPayload: options.limits.messageBytesMax,
      // Compression costs eight times the CPU on small frames, and lets 92 KB expand to 90 MiB.
      perMessageDeflate: false,
      handleProtocols: (offered) => (offered.has(subprotocol) ? subprotocol : false),
      WebSocket: ExplainedWebSocket,
    });
  }

  /** Number of open connections. */
  get size(): number {
    return this.#drivers.size;
  }

  /** Bytes that wait in all sockets together. */
  get bufferedBytes(): number {
    let bytes = 0;
    for (const { connection } of this.#drivers.values()) bytes += connection.bufferedBytes;
    return bytes;
  }

  /** Takes over a socket that asked to become a WebSocket. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    // No closure of this call: it would keep the request for as long as the socket lives, a third of what a connection weighs.
    socket.on('error', destroyed);
    if (this.#draining) {
      this.#turnAway(socket, 'TW_SHUTTING_DOWN', 'the relay is draining');
      return;
    }
    if (this.#options.clock.now() < this.#downUntilMs) {
      this.#turnAway(socket, 'TW_SHUTTING_DOWN', 'the playground has taken the relay down for a while');
      return;
    }
    if (this.#drivers.size >= this.#options.limits.connectionsMax) {
      this.#turnAway(socket, 'TW_OVERLOADED', 'there are as many connections as may be');
      return;
    }
    this.#server.handleUpgrade(request, socket, head, (webSocket) =>
      this.#accept(webSocket, socket as Socket, request),
    );
  }

  /** Housekeeping, about once a second. */
  sweep(): void {
    for (const { driver } of this.#drivers.values()) driver.tick();
  }

  /** As a relay that has died: every socket is cut without a word, and nobody comes in for so long; 0 ends it. */
  breakFor(ms: number): void {
    this.#downUntilMs = ms > 0 ? this.#options.clock.now() + ms : 0;
    if (ms > 0) for (const webSocket of this.#drivers.keys()) webSocket.terminate();
  }

  /** Takes no further messages and connections; what was taken is still answered. */
  drain(): void {
    this.#draining = true;
  }

  /** Tells everybody to come back later, and resolves when all sockets are closed. */
  async close(): Promise<void> {
    const closed = [...this.#drivers.keys()].map(
      (webSocket) => new Promise((resolve) => webSocket.once('close', resolve)),
    );
    for (const { driver } of this.#drivers.values())
      driver.refuse(new RefusedError('TW_SHUTTING_DOWN', 'the relay is restarting'));
    await Promise.all(closed);
  }

  #accept(webSocket: WebSocket, socket: Socket, request: IncomingMessage): void {
    const { rooms, authorize, clock, turn, limits, meter, ids } = this.#options;
    const sessionId = ids.next();
    const logger = withFields(this.#options.logger, { session: sessionId });
    const openedMs = clock.now();
    meter.connections += 1;
    const connection = new Connection({ socket, webSocket, turn, clock, bufferBytesMax: limits.socketBufferBytesMax });
    // ws has answered with the right close code by then; there is nothing to add, but an unheard error ends the process.
    webSocket.on('error', ignored);
    const peer = peerOf(request);
    // Spread, it would have a hidden class of its own per connection, four times what is in it.
    const context = { connection, rooms, authorize, limits, clock, logger, meter, sessionId, peer };
    const driver = this.#driverFor(context, webSocket, request);
    this.#drivers.set(webSocket, { driver, connection });
    logger.debug({ remoteAddress: peer.remoteAddress, protocol: webSocket.protocol }, 'connected');
    webSocket.on('message', (data: Buffer, isBinary: boolean) => {
      if (this.#draining) return;
      // R1: whatever goes wrong with one connection's message is that connection's end, and nobody else's.
      try {
        if (isBinary) driver.receive(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
        else driver.refuse(new RefusedError('TW_TEXT_FRAME', 'this protocol has binary frames only'));
      } catch (error) {
        driver.refuse(asRefused(error, logger, 'handling a message failed'));
      }
    });
    webSocket.on('pong', () => driver.heard());
    webSocket.on('close', (code) => {
      this.#drivers.delete(webSocket);
      logger.debug({ code, ms: Math.round(clock.now() - openedMs) }, 'disconnected');
      driver.closed();
    });
    connection.onDrain(() => driver.drained());
  }

  #turnAway(socket: Duplex, code: RefusalCode, reason: string): void {
    const { meter, clock, ids } = this.#options;
    meter.refused({ code, message: reason }, clock.wallTime(), ids.next());
    answerAndEnd(socket, code);
  }

  #driverFor(context: DriverContext, webSocket: WebSocket, request: IncomingMessage): Driver {
    if (webSocket.protocol === subprotocol) return new TideweaveDriver(context);
    const { document, token } = targetOf(request.url ?? '/');
    if (document === null) return new HocuspocusDriver(context, token);
    return new YWebsocketDriver(context, this.#refusals, document, token);
  }
}

function destroyed(this: Duplex): void {
  this.destroy();
}

function ignored(): void {}

/** Closes with a reason where ws knows only a code, so that whoever debugs a client is told. */
class ExplainedWebSocket extends WebSocket {
  override close(code?: number, data?: string | Buffer): void {
    super.close(code, data ?? (code === undefined ? undefined : protocolErrors[code]));
  }
}

const protocolErrors: Readonly<Record<number, string>> = {
  1002: 'TW_MALFORMED_MESSAGE: not a WebSocket frame as RFC 6455 has it',
  1007: 'TW_MALFORMED_MESSAGE: a text frame is not UTF-8',
  1008: 'TW_TOO_LARGE: too many frames in one message',
  1009: 'TW_TOO_LARGE: a message is over the size limit',
};

/**
 * What a stock client's address says. y-websocket: `/NAME?token=TOKEN`, the name escaped as a browser does it. Hocuspocus
 * (no document): `/` or `/hocuspocus`, with or without slashes at the end, as providers take them off or leave them.
 */
function targetOf(url: string): { document: string | null; token: string } {
  const [path = '/', query = ''] = url.split('?', 2);
  const token = new URLSearchParams(query).get('token') ?? '';
  if (/^\/*(?:\/hocuspocus\/*)?$/.test(path)) return { document: null, token };
  return { document: nameInPath(path.slice(1)), token };
}

function answerAndEnd(socket: Duplex, code: RefusalCode): void {
  const { httpStatus } = refusalTexts[code];
  const body = JSON.stringify({ error: { code } });
  socket.end(
    `HTTP/1.1 ${httpStatus} ${code}\r\nConnection: close\r\nContent-Type: application/json\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}
