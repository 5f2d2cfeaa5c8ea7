/** A relay and stock Hocuspocus providers on it: one test for each major, and a row of a table for each. */
import { RefusedError } from '@tideweave/shared';
import type { Test } from 'uvu';
import { until } from '../support/wait.ts';
import type * as Y from 'yjs';
import type { AuthorizationRequest, Grant } from '../../src/auth/authorizer.ts';
import { type TestRelay, withRelay } from '../support/relay.ts';
import { HocuspocusClient, type HocuspocusMajor, type HocuspocusOptions } from './hocuspocus-client.ts';
import type { Table } from './table.ts';

const majors: readonly HocuspocusMajor[] = [4, 3, 2];

export interface Scene extends TestRelay {
  readonly requests: AuthorizationRequest[];
  readonly open: (options?: Partial<HocuspocusOptions>) => HocuspocusClient;
}

export type Each = (
  title: string,
  behaviour: string,
  run: (scene: Scene, major: HocuspocusMajor) => Promise<void>,
  only?: readonly HocuspocusMajor[],
) => void;

/** Defines one test for each major; what it opens is closed behind it. */
export function eachMajor(test: Test, table: Table): Each {
  return (title, behaviour, run, only = majors) => {
    for (const major of only) {
      test(`${title} (${major})`, () =>
        table.check([`hocuspocus ${major}`], behaviour, async () => {
          const requests: AuthorizationRequest[] = [];
          const opened: HocuspocusClient[] = [];
          const authorize = (request: AuthorizationRequest): Grant => {
            requests.push(request);
            if (request.token === 'nobody' || request.document === 'secret')
              throw new RefusedError('TW_FORBIDDEN', 'not for you');
            return { access: request.token === 'reader' ? 'read' : 'write', user: '' };
          };
          await withRelay({ authorize }, async (relay) => {
            const open = (options: Partial<HocuspocusOptions> = {}): HocuspocusClient => {
              const client = new HocuspocusClient(major, { url: relay.url, name: 'doc', ...options });
              opened.push(client);
              return client;
            };
            try {
              await run({ ...relay, requests, open }, major);
            } finally {
              for (const client of opened) client.destroy();
            }
          });
        }));
    }
  };
}

/** Waits until it is synced and everything is shown as saved. */
export async function settle(client: HocuspocusClient): Promise<void> {
  await until(`${client.kind} to be synced and saved`, () => client.isSynced && client.isSaved);
}

export function text({ doc }: { doc: Y.Doc }): string {
  return doc.getText('text').toJSON();
}
