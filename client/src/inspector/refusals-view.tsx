import { type RefusalInfo, isRefusalCode, refusalTexts } from '@tideweave/shared';
import { type ReactElement, useCallback } from 'react';
import { moment } from './format.ts';
import { Problem, Rows } from './parts.tsx';
import type { RelayApi } from './relay-api.ts';
import { useAsked } from './use-asked.ts';

const everyMs = 2000;

/** Who was refused what, lately. */
export function RefusalsView({ api }: { api: RelayApi }): ReactElement {
  const ask = useCallback(
    (signal: AbortSignal) => api.get<{ readonly refusals: readonly RefusalInfo[] }>('refusals', signal),
    [api],
  );
  const { answer, error } = useAsked(ask, everyMs);
  return (
    <section aria-labelledby="tw-refusals">
      <h2 id="tw-refusals">Recent refusals</h2>
      <Problem error={error} />
      <Rows label="Refusals, the newest first">
        <table>
          <thead>
            <tr>
              <th scope="col">Time</th>
              <th scope="col">Code</th>
              <th scope="col">Reason</th>
              <th scope="col">Means</th>
              <th scope="col">In the log</th>
            </tr>
          </thead>
          <tbody>
            {answer?.refusals.toReversed().map(({ time, code, reason, id }, index) => (
              // The same may be refused twice in a millisecond, and the list only grows at its end.
              <tr key={`${time} ${id} ${index}`}>
                <td>{moment(time)}</td>
                <td>
                  <code>{code}</code>
                </td>
                <td>{reason}</td>
                <td>{isRefusalCode(code) ? refusalTexts[code].meaning : ''}</td>
                <td>
                  <code>{id}</code>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
        {answer?.refusals.length === 0 && <p className="tw-muted">Nobody was refused anything.</p>}
      </Rows>
    </section>
  );
}
