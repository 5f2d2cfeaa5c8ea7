import { TideweaveProvider } from '@tideweave/client';
import { StrictMode, type SubmitEvent, useEffect, useState } from 'react';
import { createRoot } from 'react-dom/client';
import * as Y from 'yjs';

const doc = new Y.Doc();
const lines = doc.getArray<string>('lines');

/** A guest book: every line is here for everybody. */
function GuestBook() {
  const [shown, setShown] = useState<readonly string[]>([]);
  const [connection, setConnection] = useState('disconnected');
  const [others, setOthers] = useState(0);

  useEffect(() => {
    const provider = new TideweaveProvider('ws://127.0.0.1:1234', 'react-example', doc);
    const show = () => setShown(lines.toArray());
    const count = () => setOthers(provider.awareness.getStates().size - 1);
    provider.on('status', ({ status }) => setConnection(status));
    provider.awareness.on('change', count);
    lines.observe(show);
    show();
    return () => {
      lines.unobserve(show);
      provider.awareness.off('change', count);
      provider.destroy();
    };
  }, []);

  const write = (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    const input = event.currentTarget.elements.namedItem('line') as HTMLInputElement;
    if (input.value !== '') lines.push([input.value]);
    input.value = '';
  };

  return (
    <>
      <p>
        {connection}, {others} others here
      </p>
      <ul>
        {shown.map((line, at) => (
          <li key={at}>{line}</li>
        ))}
      </ul>
      <form onSubmit={write}>
        <input name="line" aria-label="New line" /> <button type="submit">Write</button>
      </form>
    </>
  );
}

createRoot(document.querySelector('#root')!).render(
  <StrictMode>
    <GuestBook />
  </StrictMode>,
);
