import { type ReactElement, useEffect, useReducer } from 'react';
import type { SyncClient } from '../sync-client.ts';
import { systemClock } from '../clock.ts';
import { count, moment } from './format.ts';
import { Facts, Name, Rows } from './parts.tsx';

/** Handles come and go without an event of the client's: a look now and then finds them. */
const everyMs = 500;

/** How this page's own client sees its documents. */
export function ClientView({ client }: { client: SyncClient }): ReactElement {
  const [, look] = useReducer((looks: number) => looks + 1, 0);
  useEffect(() => {
    let cancel = systemClock.after(everyMs, again);
    function again(): void {
      look();
      cancel = systemClock.after(everyMs, again);
    }
    return () => cancel();
  }, []);
  const { connection, error, pendingUpdates, safe } = client.status;
  return (
    <section aria-labelledby="tw-client">
      <h2 id="tw-client">This client</h2>
      <Facts
        facts={[
          ['Connection', connection],
          ['Edits not on the server', count(pendingUpdates)],
          ['Everything is safe', safeAt[safe]],
          ['Refused', error === null ? 'no' : `${error.code}: ${error.reason}`],
        ]}
      />
      <Rows label="Open documents">
        <table>
          <thead>
            <tr>
              <th scope="col">Document</th>
              <th scope="col">Phase</th>
              <th scope="col">Has the newest</th>
              <th scope="col">Compared</th>
              <th scope="col">Safe</th>
              <th scope="col" className="tw-number">
                Not on the server
              </th>
              <th scope="col">Saved</th>
              <th scope="col">Refused</th>
            </tr>
          </thead>
          <tbody>
            {[...client.documents].map(([name, { status, lastSavedAt }]) => (
              <tr key={name}>
                <th scope="row">{name}</th>
                <td>{status.phase}</td>
                <td>{status.synced ? 'yes' : 'no'}</td>
                <td>{status.verified ? 'the same' : 'not yet'}</td>
                <td>{safeAt[status.safe]}</td>
                <td className="tw-number">{count(status.pending.updates)}</td>
                <td>{lastSavedAt === null ? '–' : moment(lastSavedAt)}</td>
                <td>
                  <Name text={status.error?.code ?? ''} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
        {client.documents.size === 0 && <p className="tw-muted">No document is open.</p>}
      </Rows>
    </section>
  );
}

const safeAt = { memory: 'in memory alone', device: 'on this device', server: 'on the server' } as const;
