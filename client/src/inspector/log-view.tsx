import type { ClockRange, EntryInfo, HeadInfo, LogPage } from '@tideweave/shared';
import { type ReactElement, useCallback } from 'react';
import { bytes, moment, several } from './format.ts';
import { Name, Problem, Rows } from './parts.tsx';
import { type RelayApi, documentPath } from './relay-api.ts';
import { useAsked } from './use-asked.ts';

const everyMs = 1000;
/** The newest entries, as far as they are shown. */
const entriesMax = 200;
const rangesMax = 4;

/** The newest entries of a log: who wrote when, and which clocks. Goes on with what is written. */
export function LogView({ api, name, head }: { api: RelayApi; name: string; head: HeadInfo }): ReactElement {
  const { epoch, lastSeq } = head;
  // Only where a log begins is asked for anew: what follows is read after what is there.
  const ask = useCallback(
    async (signal: AbortSignal, known: readonly EntryInfo[] | null): Promise<readonly EntryInfo[]> => {
      const after = known?.at(-1)?.seq ?? Math.max(0, lastSeq - entriesMax);
      const query = `after=${after}&limit=${entriesMax}`;
      const page = await api.get<LogPage>(`${documentPath(name)}/log?${query}`, signal);
      if (known !== null && page.entries.length === 0) return known;
      return [...(known ?? []), ...page.entries].slice(-entriesMax);
    },
    [api, name, epoch],
  );
  const { answer, error } = useAsked(ask, everyMs);
  return (
    <>
      <h3>Log</h3>
      <Problem error={error} />
      <Rows label="Entries, the newest first">
        <table>
          <thead>
            <tr>
              <th scope="col" className="tw-number">
                Entry
              </th>
              <th scope="col">Time</th>
              <th scope="col">User</th>
              <th scope="col">Device</th>
              <th scope="col" className="tw-number">
                Size
              </th>
              <th scope="col">Inserts</th>
              <th scope="col">Deletes</th>
            </tr>
          </thead>
          <tbody>
            {answer?.toReversed().map((entry) => (
              <Row key={entry.seq} entry={entry} />
            ))}
          </tbody>
        </table>
        {answer?.length === 0 && (
          <p className="tw-muted">{lastSeq === 0 ? 'Nothing was written yet.' : 'All entries are in the snapshot.'}</p>
        )}
      </Rows>
    </>
  );
}

function Row({
  entry: { seq, time, user, device, bytes: size, inserts, deletes },
}: {
  entry: EntryInfo;
}): ReactElement {
  return (
    <tr>
      <td className="tw-number">{seq}</td>
      <td>{moment(time)}</td>
      <td>
        <Name text={user} />
      </td>
      <td>
        <Name text={device} />
      </td>
      <td className="tw-number">{bytes(size)}</td>
      <td>
        <Ranges ranges={inserts} />
      </td>
      <td>
        <Ranges ranges={deletes} />
      </td>
    </tr>
  );
}

/** `client:from–to`, clocks included. */
function Ranges({ ranges }: { ranges: readonly ClockRange[] }): ReactElement | null {
  if (ranges.length === 0) return null;
  const shown = ranges.slice(0, rangesMax).map(({ client, clock, length }) => {
    const last = clock + length - 1;
    return `${client}:${clock}${last === clock ? '' : `–${last}`}`;
  });
  const more = ranges.length - shown.length;
  return (
    <code>
      {shown.join(' ')}
      {more > 0 ? ` and ${several(more, 'range')} more` : ''}
    </code>
  );
}
