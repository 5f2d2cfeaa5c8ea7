import { type ReactElement, type SyntheticEvent, useCallback, useMemo, useState } from 'react';
import type { SyncClient } from '../sync-client.ts';
import { ClientView } from './client-view.tsx';
import { DocumentView } from './document-view.tsx';
import { DocumentsView } from './documents-view.tsx';
import { FiguresView } from './figures-view.tsx';
import { Problem } from './parts.tsx';
import { RefusalsView } from './refusals-view.tsx';
import { type InspectorToken, RelayApi } from './relay-api.ts';
import { useAsked } from './use-asked.ts';
import { WebhooksView } from './webhooks-view.tsx';

/** What of a relay is looked at. */
export interface InspectorPlace {
  readonly view: 'documents' | 'figures' | 'refusals' | 'webhooks' | 'client';
  /** The document that is looked at, with `documents`; null for the list of all. */
  readonly document: string | null;
}

export interface SyncInspectorProps {
  /** Address of the relay: `http(s)://` or `ws(s)://`. */
  readonly url: string;
  /**
   * What the relay's authorizer is shown, for a grant with `admin`. Default none, which is enough on the relay's own machine
   * without an authorizer of one's own. Where it is refused, the inspector asks for another.
   */
  readonly token?: InspectorToken | undefined;
  /** The page's own client, to be shown beside the relay. */
  readonly client?: SyncClient | undefined;
  /** Where to begin, and where to be from then on when it is given again; default the list of documents. */
  readonly place?: InspectorPlace | undefined;
  /** Somebody went elsewhere. */
  readonly onPlace?: ((place: InspectorPlace) => void) | undefined;
}

const titles: Readonly<Record<InspectorPlace['view'], string>> = {
  documents: 'Documents',
  figures: 'Figures',
  refusals: 'Refusals',
  webhooks: 'Webhooks',
  client: 'This client',
};
const beginning: InspectorPlace = { view: 'documents', document: null };

/**
 * Shows what a relay has and how it is doing, as the page at `/_/` of every relay does; for applications in development. Its
 * looks are in `@tideweave/client/inspector.css`. The relay has to allow the page's origin, as it does with loopback ones.
 */
export function SyncInspector({ url, token = '', client, place, onPlace }: SyncInspectorProps): ReactElement {
  const [ownPlace, setOwnPlace] = useState(place ?? beginning);
  const [typed, setTyped] = useState<string | null>(null);
  const { view, document } = place ?? ownPlace;
  const go = useCallback(
    (to: InspectorPlace): void => {
      setOwnPlace(to);
      onPlace?.(to);
    },
    [onPlace],
  );
  const api = useMemo(() => new RelayApi(url, typed ?? token), [url, typed, token]);
  const ask = useCallback((signal: AbortSignal) => api.get<unknown>('docs?limit=1', signal), [api]);
  const { answer, error } = useAsked(ask, null);
  const views = (Object.keys(titles) as InspectorPlace['view'][]).filter(
    (one) => one !== 'client' || client !== undefined,
  );
  return (
    <div className="tw-inspector">
      <nav aria-label="What to look at">
        {views.map((one) => (
          <button
            key={one}
            type="button"
            aria-current={view === one ? 'page' : undefined}
            onClick={() => go({ view: one, document: null })}
          >
            {titles[one]}
          </button>
        ))}
      </nav>
      {view === 'client' && client !== undefined ? (
        <ClientView client={client} />
      ) : error !== null && (error.status === 401 || error.status === 403) ? (
        <TokenForm refused={error.message} use={setTyped} />
      ) : answer === null ? (
        <Problem error={error} />
      ) : (
        <View view={view} document={document} api={api} go={go} />
      )}
    </div>
  );
}

function View({ view, document, api, go }: InspectorPlace & { api: RelayApi; go: (to: InspectorPlace) => void }) {
  const open = useCallback((name: string): void => go({ view: 'documents', document: name }), [go]);
  const close = useCallback((): void => go(beginning), [go]);
  switch (view) {
    case 'figures':
      return <FiguresView api={api} />;
    case 'refusals':
      return <RefusalsView api={api} />;
    case 'webhooks':
      return <WebhooksView api={api} />;
    case 'documents':
    case 'client':
      if (document === null) return <DocumentsView api={api} open={open} />;
      return <DocumentView key={document} api={api} name={document} close={close} />;
  }
}

/** The token stays in the page, and is gone with it. */
function TokenForm({ refused, use }: { refused: string; use: (token: string) => void }): ReactElement {
  const [token, setToken] = useState('');
  const submit = (event: SyntheticEvent): void => {
    event.preventDefault();
    use(token);
  };
  return (
    <form className="tw-token" onSubmit={submit}>
      <p className="tw-problem" role="alert">
        {refused}
      </p>
      <p>
        The inspector is for who looks after the relay: open it on the relay's own machine, or with a token that its
        authorizer grants <code>admin</code> for.
      </p>
      <label>
        Token{' '}
        <input
          type="password"
          autoComplete="off"
          required
          value={token}
          onChange={({ target }) => setToken(target.value)}
        />
      </label>
      <button type="submit">Show</button>
    </form>
  );
}
