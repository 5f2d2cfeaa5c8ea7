import { RefusedError } from '@tideweave/shared';
import type { MiddlewareHandler } from 'hono';
import type { Authorizer } from '../auth/authorizer.ts';
import { authorized, peerOf } from '../endpoint/driver.ts';
import { bearerToken } from './documents.ts';
import type { ApiEnv } from './env.ts';

/** Lets pass who looks after the relay: asks for a grant with `admin` each time (docs/operating.md). */
export function adminOnly(authorize: Authorizer): MiddlewareHandler<ApiEnv> {
  return async (c, next) => {
    const request = { document: null, via: 'http', access: 'admin', token: bearerToken(c) } as const;
    const logger = c.get('logger');
    const grant = await authorized({ authorize, logger }, { ...request, ...peerOf(c.env.incoming) });
    if (grant.admin !== true) throw new RefusedError('TW_FORBIDDEN', 'only who looks after the relay may do this');
    await next();
  };
}
