import { type Cancel, type Clock, RefusedError } from '@tideweave/shared';

/**
 * The seam for authorization: every way to a document, by socket or by HTTP, asks one `Authorizer` first, and nothing of
 * the document is read before it answers (A1).
 */

/** What is known of whoever asks. */
export interface AuthorizationRequest {
  /** Name of the document, or null for what concerns all of them (listing). */
  readonly document: string | null;
  readonly via: 'tideweave' | 'y-websocket' | 'hocuspocus' | 'http';
  /** What is asked for: a grant of less is an answer too, for a socket. `admin`: to look after the relay (docs/operating.md). */
  readonly access: 'read' | 'write' | 'admin';
  /** As sent by the client; empty when there is none. */
  readonly token: string;
  readonly remoteAddress: string;
  /** The browser's Origin header, or null outside browsers. */
  readonly origin: string | null;
  /** Whether the request comes from this machine, to a loopback address, and through no proxy that says so. */
  readonly isLocal: boolean;
}

/** What one may do. */
export interface Grant {
  readonly access: 'read' | 'write';
  /** May look after the relay: see who is connected and who wrote what, make backups, compact. Default false. */
  readonly admin?: boolean;
  /** Identity, stored beside entries and shown to others; empty for anonymous. At most 128 bytes. */
  readonly user: string;
  /**
   * When it ends (ms since 1970); default never. Our client and Hocuspocus providers (3, 4) bring another token before that.
   * Otherwise the document is refused with TW_UNAUTHORIZED, or a stock client's connection closed, and each comes back with
   * the token that its application has by then.
   */
  readonly expiresAt?: number;
}

/** Answers with a grant, or throws: a `RefusedError` with its code, anything else as TW_INTERNAL (and logged). */
export type Authorizer = (request: AuthorizationRequest) => Grant | Promise<Grant>;

/**
 * The default: whoever reaches the relay may do everything, except pages of foreign web sites. A relay on loopback is
 * reachable from every page its user visits, so a browser's Origin has to be loopback too, or named in `allowedOrigins`
 * (`*` allows all). To look after the relay one has to be on its machine.
 */
export function openAuthorizer(allowedOrigins: readonly string[]): Authorizer {
  const isAllowed = originRule(allowedOrigins);
  return ({ origin, isLocal }) => {
    if (origin !== null && !isAllowed(origin)) {
      throw new RefusedError('TW_FORBIDDEN', `pages from ${origin} may not connect; allow them with --allow-origin`);
    }
    return { access: 'write', admin: isLocal, user: '' };
  };
}

/** Whether pages of an origin may ask: loopback ones, and those of `allowedOrigins` (`*` allows all). */
export function originRule(allowedOrigins: readonly string[]): (origin: string) => boolean {
  const allowed = new Set(allowedOrigins);
  return (origin) => allowed.has('*') || allowed.has(origin) || isLoopbackOrigin(origin);
}

/**
 * The same authorizer, refusing with TW_TIMEOUT where it does not answer: whoever waits for it holds a connection and
 * messages that nobody has authorized (A4).
 */
export function answeringInTime(authorize: Authorizer, clock: Clock, withinMs: number): Authorizer {
  return async (request) => {
    let cancel: Cancel = () => undefined;
    const late = new Promise<never>((_resolve, reject) => {
      cancel = clock.after(withinMs, () =>
        reject(new RefusedError('TW_TIMEOUT', 'the authorizer did not answer in time')),
      );
    });
    try {
      return await Promise.race([authorize(request), late]);
    } finally {
      cancel();
    }
  };
}

function isLoopbackOrigin(origin: string): boolean {
  if (!URL.canParse(origin)) return false;
  const { hostname } = new URL(origin);
  return (
    hostname === 'localhost' ||
    hostname.endsWith('.localhost') ||
    hostname === '[::1]' ||
    /^127(\.\d+){3}$/.test(hostname)
  );
}
