import type { WebhooksInfo } from '@tideweave/shared';
import { type ReactElement, useCallback } from 'react';
import { count, moment, several } from './format.ts';
import { Facts, Name, Problem, Rows } from './parts.tsx';
import type { RelayApi } from './relay-api.ts';
import { useAsked } from './use-asked.ts';

const everyMs = 2000;

/** What the application is told, and what waits to be. */
export function WebhooksView({ api }: { api: RelayApi }): ReactElement {
  const ask = useCallback(
    (signal: AbortSignal) => api.get<WebhooksInfo | { readonly receiver: null }>('webhooks', signal),
    [api],
  );
  const { answer, error } = useAsked(ask, everyMs);
  return (
    <section aria-labelledby="tw-webhooks">
      <h2 id="tw-webhooks">Webhooks</h2>
      <Problem error={error} />
      {answer?.receiver === null && (
        <p className="tw-muted">This relay tells nobody what happens; --webhook-url names who is to be told.</p>
      )}
      {answer !== null && answer.receiver !== null && <Receiver info={answer} />}
    </section>
  );
}

function Receiver({ info }: { info: WebhooksInfo }): ReactElement {
  const { receiver, sent, failedAttempts, waiting, trouble, oldest } = info;
  return (
    <>
      <Facts
        facts={[
          ['Receiver', <code key="receiver">{receiver}</code>],
          ['Sent', count(sent)],
          ['Failed attempts', count(failedAttempts)],
          ['Waiting', count(waiting)],
        ]}
      />
      {trouble !== null && (
        <p className="tw-problem" role="alert">
          {several(trouble.attempts, 'attempt')} in a row failed, the last with: {trouble.error}. It is tried again at{' '}
          {moment(trouble.nextAt)}.
        </p>
      )}
      {oldest.length > 0 && (
        <Rows label="What waits, the oldest first">
          <table>
            <thead>
              <tr>
                <th scope="col">Time</th>
                <th scope="col">What</th>
                <th scope="col">Document</th>
                <th scope="col">User</th>
              </tr>
            </thead>
            <tbody>
              {oldest.map(({ id, time, type, document, user }) => (
                <tr key={id}>
                  <td>{moment(time)}</td>
                  <td>{type}</td>
                  <td>{document}</td>
                  <td>
                    <Name text={user} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </Rows>
      )}
    </>
  );
}
