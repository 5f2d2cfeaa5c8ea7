import { SyncProvider } from '@tideweave/client/react';
import { useState } from 'react';
import { DeviceCard } from './device-card.tsx';
import { devices, timeline } from './devices.ts';
import { RelaySwitch } from './relay-switch.tsx';
import { TimelineView } from './timeline-view.tsx';

const views = { form: 'Form', text: 'Text', rich: 'Rich text' } as const;
export type View = keyof typeof views;

export function App({ name }: { name: string }) {
  const [view, setView] = useState<View>('form');
  return (
    <>
      <header className="top">
        <h1>
          <Wave /> Tideweave <span className="muted">playground</span>
        </h1>
        <div className="tools">
          <ShareLink />
          <ThemeSwitch />
        </div>
      </header>
      <main>
        <section className="hint" aria-labelledby="hint">
          <h2 id="hint">Try this</h2>
          <ol>
            <li>
              Cut device A <b>off</b> with its network switch.
            </li>
            <li>
              Change the <b>title</b> on both devices, to different ones.
            </li>
            <li>
              Switch A back <b>on</b>, and read what the merge did. One of the two titles lost; if it is A's, put it
              back.
            </li>
          </ol>
        </section>
        <fieldset className="views">
          <legend className="hidden">What to edit</legend>
          {Object.entries(views).map(([key, label]) => (
            <label key={key}>
              <input
                type="radio"
                name="view"
                value={key}
                checked={view === key}
                onChange={() => setView(key as View)}
              />
              <span>{label}</span>
            </label>
          ))}
        </fieldset>
        <div className="devices">
          {devices.map((device) => (
            <SyncProvider key={device.letter} client={device.client}>
              <DeviceCard device={device} name={name} view={view} />
            </SyncProvider>
          ))}
        </div>
        <RelaySwitch />
        <TimelineView timeline={timeline} letters={devices.map(({ letter }) => letter)} />
      </main>
    </>
  );
}

/** Copies the page's address: its end names the document. */
function ShareLink() {
  const [said, setSaid] = useState('');
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(location.href);
      setSaid('Copied');
    } catch {
      // Only a page that is secure may: http is, on this machine alone.
      setSaid("Copy the page's address");
    }
    setTimeout(() => setSaid(''), 3000);
  };
  return (
    <button type="button" onClick={() => void copy()} title="Open it on a second machine: it is the same document">
      <span role="status">{said === '' ? 'Copy link' : said}</span>
    </button>
  );
}

function ThemeSwitch() {
  const [isDark, setIsDark] = useState(() => matchMedia('(prefers-color-scheme: dark)').matches);
  const toggle = (): void => {
    document.documentElement.dataset['theme'] = isDark ? 'light' : 'dark';
    setIsDark(!isDark);
  };
  return (
    <button type="button" onClick={toggle} aria-pressed={isDark}>
      Dark
    </button>
  );
}

function Wave() {
  return (
    <svg viewBox="0 0 32 20" width="32" height="20" aria-hidden="true">
      <path d="M1 7c5-7 10-7 15 0s10 7 15 0" fill="none" stroke="currentColor" strokeWidth="3" strokeLinecap="round" />
      <path
        d="M1 15c5-7 10-7 15 0s10 7 15 0"
        fill="none"
        stroke="currentColor"
        strokeWidth="3"
        strokeLinecap="round"
        opacity=".45"
      />
    </svg>
  );
}
