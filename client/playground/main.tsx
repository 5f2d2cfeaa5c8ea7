/** The playground: two devices in one page, to see what a relay and its clients do. */
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './app.tsx';
import { documentName } from './share.ts';

const root = document.querySelector('#root');
if (root !== null) {
  createRoot(root).render(
    <StrictMode>
      <App name={documentName()} />
    </StrictMode>,
  );
}
