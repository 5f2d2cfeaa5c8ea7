import type { IncomingMessage } from 'node:http';
import type { Clock, Limits } from '@tideweave/shared';
import { RefusedError } from '@tideweave/shared';
import { isLoopbackHost } from '../config-values.ts';
import type { AuthorizationRequest, Authorizer, Grant } from '../auth/authorizer.ts';
import type { Logger } from '../observability/log.ts';
import type { Meter } from '../observability/meter.ts';
import type { RoomRegistry } from '../room/room-registry.ts';
import type { FrameWriter } from './frame-writer.ts';

/** What drives one connection's session: bytes in, time in; it writes to the connection by itself. */
export interface Driver {
  /** One binary message. */
  receive(frame: Uint8Array): void;
  /** A sign of life that carries no message. */
  heard(): void;
  /** The socket has nothing waiting any more. */
  drained(): void;
  /** Housekeeping, about once a second. */
  tick(): void;
  /** Tells the client why and closes the connection. */
  refuse(error: RefusedError): void;
  /** The socket is gone. */
  closed(): void;
}

/** What every driver works with. */
export interface DriverContext {
  readonly connection: FrameWriter;
  readonly rooms: RoomRegistry;
  readonly authorize: Authorizer;
  readonly limits: Limits;
  readonly clock: Clock;
  /** Its lines name the session. */
  readonly logger: Logger;
  readonly meter: Meter;
  /** The session in the log. */
  readonly sessionId: string;
  readonly peer: Peer;
}

/** Where a request comes from. */
export interface Peer {
  /** From this machine, to a loopback address, and through no proxy that says so. */
  readonly isLocal: boolean;
  readonly remoteAddress: string;
  readonly origin: string | null;
}

/** What proxies add. */
const proxyHeaders = ['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-real-ip', 'via'];

export function peerOf(request: IncomingMessage): Peer {
  const { headers, socket } = request;
  const remoteAddress = socket.remoteAddress ?? '';
  const isForwarded = proxyHeaders.some((name) => headers[name] !== undefined);
  // The name as well: a page may have its own resolve to this machine.
  const host = (headers.host ?? '').replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');
  const isLocal = isLoopbackHost(remoteAddress) && isLoopbackHost(host) && !isForwarded;
  return { remoteAddress, origin: headers.origin ?? null, isLocal };
}

/**
 * Asks the authorizer. Throws `RefusedError`: its own, or TW_INTERNAL when it failed in another way; then the error is
 * logged, as it is ours and not the client's.
 */
export async function authorized(
  { authorize, logger }: Pick<DriverContext, 'authorize' | 'logger'>,
  request: AuthorizationRequest,
): Promise<Grant> {
  try {
    return await authorize(request);
  } catch (error) {
    throw asRefused(error, logger, 'the authorizer failed');
  }
}

/**
 * When a grant ends, by the clock that does not jump (R4); Infinity for never. Throws `RefusedError` when it has ended
 * already.
 */
export function endOfGrant({ expiresAt }: Grant, clock: Clock): number {
  if (expiresAt === undefined) return Infinity;
  const leftMs = expiresAt - clock.wallTime();
  if (!(leftMs > 0)) throw grantEnded();
  return clock.now() + leftMs;
}

/** A1: nobody goes on with a grant that has ended. */
export function grantEnded(): RefusedError {
  return new RefusedError('TW_UNAUTHORIZED', 'the grant has ended');
}

/** Counts a refusal that the client is told of, and has it in the log. */
export function noteRefusal(
  { meter, logger, clock, sessionId }: Pick<DriverContext, 'meter' | 'logger' | 'clock' | 'sessionId'>,
  error: Pick<RefusedError, 'code' | 'message'>,
): void {
  meter.refused(error, clock.wallTime(), sessionId);
  logger.debug({ code: error.code }, 'refused');
}

/** The refusal that an error amounts to; one that is not meant for clients is logged. */
export function asRefused(error: unknown, logger: Logger, what: string): RefusedError {
  if (error instanceof RefusedError) return error;
  logger.error({ err: error instanceof Error ? error : new Error(String(error)) }, what);
  return new RefusedError('TW_INTERNAL', what, { cause: error });
}

/** C5: even all that the client has does not complete what it sent. */
export function missingDependencies(): RefusedError {
  return new RefusedError(
    'TW_MISSING_DEPENDENCIES',
    'the update builds on content that neither the relay nor you have',
  );
}
