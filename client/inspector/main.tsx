/** The page at `/_/` of a relay, for who looks after it. The end of its address says what is looked at. */
import { type InspectorPlace, SyncInspector } from '@tideweave/client/inspector';
import { StrictMode, useEffect, useState } from 'react';
import { createRoot } from 'react-dom/client';

const views: ReadonlySet<string> = new Set<InspectorPlace['view']>(['documents', 'figures', 'refusals', 'webhooks']);

/** `#figures`, `#documents`, `#documents/NAME`. */
function placeIn(hash: string): InspectorPlace {
  const [view = '', document] = hash.slice(1).split('/', 2);
  return {
    view: views.has(view) ? (view as InspectorPlace['view']) : 'documents',
    document: document === undefined || document === '' ? null : decodeURIComponent(document),
  };
}

function Page() {
  const [place, setPlace] = useState(() => placeIn(location.hash));
  useEffect(() => {
    const moved = (): void => setPlace(placeIn(location.hash));
    addEventListener('hashchange', moved);
    return () => removeEventListener('hashchange', moved);
  }, []);
  const go = ({ view, document }: InspectorPlace): void => {
    location.hash = document === null ? view : `${view}/${encodeURIComponent(document)}`;
  };
  return (
    <main>
      <h1>
        Tideweave <span>inspector</span>
      </h1>
      <SyncInspector url={location.origin} place={place} onPlace={go} />
    </main>
  );
}

const root = document.querySelector('#root');
if (root !== null) {
  createRoot(root).render(
    <StrictMode>
      <Page />
    </StrictMode>,
  );
}
