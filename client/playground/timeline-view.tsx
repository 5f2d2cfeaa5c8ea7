import { useState } from 'react';
import { useObservable } from './observable.ts';
import { size } from './status-text.ts';
import type { Timeline, TimelineRow } from './timeline.ts';

/**
 * What passes between the devices and the relay. Nothing of it is announced: the status of each device is, and a screen reader
 * would not come to an end here.
 */
export function TimelineView({ timeline, letters }: { timeline: Timeline; letters: readonly string[] }) {
  const rows = useObservable(timeline.rows);
  const isPaused = useObservable(timeline.isPaused);
  const [device, setDevice] = useState('');
  const shown = rows.filter((row) => device === '' || row.device === device);
  return (
    <section className="timeline" aria-labelledby="timeline">
      <header>
        <h2 id="timeline">On the wire</h2>
        <div className="tools">
          <label>
            Device{' '}
            <select value={device} onChange={({ target }) => setDevice(target.value)}>
              <option value="">both</option>
              {letters.map((letter) => (
                <option key={letter}>{letter}</option>
              ))}
            </select>
          </label>
          <button
            type="button"
            aria-pressed={isPaused}
            onClick={() => {
              timeline.isPaused.value = !isPaused;
            }}
          >
            Pause
          </button>
          <button type="button" onClick={() => timeline.clear()}>
            Clear
          </button>
        </div>
      </header>
      <div className="rows" role="region" aria-label="Messages, the newest first" tabIndex={0}>
        <table>
          <thead>
            <tr>
              <th scope="col">Time</th>
              <th scope="col">Way</th>
              <th scope="col">Bytes</th>
              <th scope="col">Message</th>
              <th scope="col">Meaning</th>
            </tr>
          </thead>
          <tbody>
            {shown.map((row) => (
              <Row key={row.id} row={row} />
            ))}
          </tbody>
        </table>
        {shown.length === 0 && <p className="muted">Nothing yet.</p>}
      </div>
    </section>
  );
}

function Row({ row: { device, direction, time, bytes, names, text } }: { row: TimelineRow }) {
  return (
    <tr className={direction}>
      <td>{time.toLocaleTimeString([], { hour12: false })}</td>
      <td>{direction === 'up' ? `${device} → relay` : `relay → ${device}`}</td>
      <td>{size(bytes)}</td>
      <td>
        <code>{names}</code>
      </td>
      <td>{text}</td>
    </tr>
  );
}
