import type { DocumentInfo, SessionInfo } from '@tideweave/shared';
import { type ReactElement, useCallback, useState } from 'react';
import { bytes, count, moment, several } from './format.ts';
import { LogView } from './log-view.tsx';
import { Facts, Name, Problem, Rows } from './parts.tsx';
import { type RelayApi, RelayApiError, documentPath } from './relay-api.ts';
import { useAsked } from './use-asked.ts';

const everyMs = 1000;

export interface DocumentViewProps {
  readonly api: RelayApi;
  readonly name: string;
  readonly close: () => void;
}

/** Everything about one document. */
export function DocumentView({ api, name, close }: DocumentViewProps): ReactElement {
  const ask = useCallback((signal: AbortSignal) => api.get<DocumentInfo>(documentPath(name), signal), [api, name]);
  const { answer, error } = useAsked<DocumentInfo>(ask, everyMs);
  return (
    <section aria-labelledby="tw-document">
      <header className="tw-bar">
        <h2 id="tw-document">{name}</h2>
        <button type="button" onClick={close}>
          All documents
        </button>
      </header>
      <Problem error={error} />
      {answer === null ? (
        <p className="tw-muted">{error === null ? 'Reading…' : ''}</p>
      ) : (
        <>
          <HeadFacts info={answer} />
          <Sessions sessions={answer.sessions} />
          <LogView api={api} name={name} head={answer.head} />
          <SetAside setAside={answer.setAside} />
          <StateVector info={answer} />
          {answer.refused === null && <Content api={api} name={name} />}
        </>
      )}
    </section>
  );
}

function HeadFacts({ info: { head, isLoaded, refused } }: { info: DocumentInfo }): ReactElement {
  const { lastSeq, snapshotSeq, firstSeq, snapshotBytes, tailBytes, createdAt, updatedAt, deletedAt } = head;
  const snapshot = snapshotSeq === 0 ? 'none yet' : `${bytes(snapshotBytes)}, up to entry ${count(snapshotSeq)}`;
  const state = refused ?? (isLoaded ? 'loaded' : 'on the disk');
  return (
    <Facts
      facts={[
        ['State', state],
        ['Entries', count(lastSeq)],
        ['Snapshot', snapshot],
        ['After it', `${several(lastSeq - snapshotSeq, 'entry', 'entries')}, ${bytes(tailBytes)}`],
        ['Kept as they came', lastSeq < firstSeq ? 'none' : `from entry ${count(firstSeq)}`],
        ['Created', moment(createdAt)],
        deletedAt === null ? ['Last edit', moment(updatedAt)] : ['Deleted', moment(deletedAt)],
        ['History (epoch)', <code key="epoch">{head.epoch}</code>],
      ]}
    />
  );
}

function Sessions({ sessions }: { sessions: readonly SessionInfo[] }): ReactElement {
  return (
    <>
      <h3>{several(sessions.length, 'session')}</h3>
      {sessions.length > 0 && (
        <Rows label="Sessions">
          <table>
            <thead>
              <tr>
                <th scope="col">User</th>
                <th scope="col">Device</th>
                <th scope="col">Dialect</th>
                <th scope="col">Flow</th>
                <th scope="col" className="tw-number">
                  Behind
                </th>
                <th scope="col" className="tw-number">
                  Waiting
                </th>
              </tr>
            </thead>
            <tbody>
              {sessions.map(({ user, device, dialect, flow, behind, bufferedBytes }, index) => (
                // Sessions have no identity of their own, and keep their order.
                <tr key={index}>
                  <td>
                    <Name text={user} />
                  </td>
                  <td>
                    <Name text={device} />
                  </td>
                  <td>{dialect}</td>
                  <td>
                    <span className={`tw-pill tw-${flow}`}>{flow}</span>
                  </td>
                  <td className="tw-number">{behind === 0 ? '–' : several(behind, 'entry', 'entries')}</td>
                  <td className="tw-number">{bufferedBytes === 0 ? '–' : bytes(bufferedBytes)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </Rows>
      )}
    </>
  );
}

function SetAside({ setAside }: { setAside: DocumentInfo['setAside'] }): ReactElement | null {
  if (setAside.length === 0) return null;
  return (
    <>
      <h3>Set aside</h3>
      <ul>
        {setAside.map(({ seq, user, device, reason, time }) => (
          <li key={seq}>
            Entry {seq} of <Name text={user} /> (<Name text={device} />
            ), {moment(time)}: {reason}
          </li>
        ))}
      </ul>
    </>
  );
}

function StateVector({ info: { clients, stateVector } }: { info: DocumentInfo }): ReactElement | null {
  if (stateVector === null || clients === null) return null;
  return (
    <details>
      <summary>State vector: {several(clients, 'client')}</summary>
      <Rows label="State vector, who wrote most first">
        <table>
          <thead>
            <tr>
              <th scope="col" className="tw-number">
                Client
              </th>
              <th scope="col" className="tw-number">
                Next clock
              </th>
            </tr>
          </thead>
          <tbody>
            {stateVector.map(({ client, clock }) => (
              <tr key={client}>
                <td className="tw-number">{client}</td>
                <td className="tw-number">{count(clock)}</td>
              </tr>
            ))}
          </tbody>
        </table>
        {stateVector.length < clients && <p className="tw-muted">And {count(clients - stateVector.length)} more.</p>}
      </Rows>
    </details>
  );
}

/** Read when it is asked for, as a document may be large. */
function Content({ api, name }: { api: RelayApi; name: string }): ReactElement {
  const [text, setText] = useState<string | null>(null);
  const [problem, setProblem] = useState<RelayApiError | null>(null);
  const [isReading, setReading] = useState(false);
  const read = async (): Promise<void> => {
    setReading(true);
    try {
      setText(await api.text(`${documentPath(name)}/content`));
      setProblem(null);
    } catch (error) {
      setProblem(error instanceof RelayApiError ? error : new RelayApiError(0, '', String(error)));
    }
    setReading(false);
  };
  return (
    <>
      <header className="tw-bar">
        <h3>Content</h3>
        <button type="button" disabled={isReading} onClick={() => void read()}>
          {isReading ? 'Reading…' : text === null ? 'Show as JSON' : 'Read again'}
        </button>
      </header>
      <Problem error={problem} />
      {text !== null && (
        <Rows label="Content as JSON">
          <pre>{text}</pre>
        </Rows>
      )}
    </>
  );
}
