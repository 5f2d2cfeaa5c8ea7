import type { DocumentsPage, ListedDocument } from '@tideweave/shared';
import { type ReactElement, useCallback, useState } from 'react';
import { bytes, count, moment, several } from './format.ts';
import { Problem, Rows } from './parts.tsx';
import type { RelayApi } from './relay-api.ts';
import { useAsked } from './use-asked.ts';

const everyMs = 2000;
const pageRows = 50;
/** Pages that a search goes through for one answer, as each may have nothing. */
const pagesMax = 20;

/** Finds documents by a part of their name. */
export function DocumentsView({ api, open }: { api: RelayApi; open: (name: string) => void }): ReactElement {
  const [search, setSearch] = useState('');
  /** The names that pages begin after; the first page has none. */
  const [trail, setTrail] = useState<readonly string[]>([]);
  const after = trail.at(-1) ?? null;
  const ask = useCallback((signal: AbortSignal) => pageOf(api, search, after, signal), [api, search, after]);
  const { answer, error } = useAsked<DocumentsPage>(ask, everyMs);
  const next = answer?.next ?? null;
  return (
    <section aria-labelledby="tw-documents">
      <header className="tw-bar">
        <h2 id="tw-documents">Documents</h2>
        <label>
          Search{' '}
          <input
            type="search"
            value={search}
            placeholder="a part of the name"
            onChange={({ target }) => {
              setSearch(target.value);
              setTrail([]);
            }}
          />
        </label>
      </header>
      <Problem error={error} />
      <Rows label="Documents, in order of their names">
        <table>
          <thead>
            <tr>
              <th scope="col">Name</th>
              <th scope="col" className="tw-number">
                Open in
              </th>
              <th scope="col" className="tw-number">
                Entries
              </th>
              <th scope="col" className="tw-number">
                Size
              </th>
              <th scope="col">Last edit</th>
            </tr>
          </thead>
          <tbody>
            {answer?.documents.map((document) => (
              <Row key={document.name} document={document} open={open} />
            ))}
          </tbody>
        </table>
        {answer?.documents.length === 0 && (
          <p className="tw-muted">{search === '' ? 'There are no documents yet.' : 'No name has that in it.'}</p>
        )}
      </Rows>
      <p className="tw-bar">
        <button type="button" disabled={trail.length === 0} onClick={() => setTrail(trail.slice(0, -1))}>
          Previous
        </button>
        <button type="button" disabled={next === null} onClick={() => next !== null && setTrail([...trail, next])}>
          Next
        </button>
        <span className="tw-muted" role="status">
          {answer === null ? 'Reading…' : several(answer.documents.length, 'document') + ' on this page'}
        </span>
      </p>
    </section>
  );
}

async function pageOf(api: RelayApi, search: string, from: string | null, signal: AbortSignal): Promise<DocumentsPage> {
  let after = from;
  const documents: ListedDocument[] = [];
  for (let pages = 0; pages < pagesMax; pages += 1) {
    const query = new URLSearchParams({ limit: String(pageRows - documents.length) });
    if (search !== '') query.set('search', search);
    if (after !== null) query.set('after', after);
    const page = await api.get<DocumentsPage>(`docs?${query.toString()}`, signal);
    documents.push(...page.documents);
    after = page.next;
    if (after === null || documents.length >= pageRows) break;
  }
  return { documents, next: after };
}

function Row({ document, open }: { document: ListedDocument; open: (name: string) => void }): ReactElement {
  const { name, connections } = document;
  const link = (
    <th scope="row">
      <button type="button" className="tw-link" onClick={() => open(name)}>
        {name}
      </button>
    </th>
  );
  if ('refused' in document || document.head.deletedAt !== null) {
    return (
      <tr>
        {link}
        <td colSpan={4}>
          {'refused' in document ? document.refused : `deleted ${moment(document.head.deletedAt ?? 0)}`}
        </td>
      </tr>
    );
  }
  const { lastSeq, snapshotBytes, tailBytes, updatedAt } = document.head;
  return (
    <tr>
      {link}
      <td className="tw-number">{connections === 0 ? '–' : several(connections, 'session')}</td>
      <td className="tw-number">{count(lastSeq)}</td>
      <td className="tw-number">{bytes(snapshotBytes + tailBytes)}</td>
      <td>{moment(updatedAt)}</td>
    </tr>
  );
}
