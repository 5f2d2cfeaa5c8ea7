import type { Network } from './network.ts';
import { useObservable } from './observable.ts';

const bandwidths = [
  [0, 'as it is'],
  [1_000_000, '1 Mbit/s'],
  [64_000, '64 kbit/s'],
  [8_000, '8 kbit/s'],
] as const;

/** What the network between a device and the relay is like. */
export function NetworkPanel({ network, letter }: { network: Network; letter: string }) {
  const { isOffline, latencyMs, bitsPerSecond, loss } = useObservable(network.conditions);
  const isBad = latencyMs > 0 || bitsPerSecond > 0 || loss > 0;
  return (
    <div className="network">
      <label className="switch">
        <input
          type="checkbox"
          role="switch"
          checked={!isOffline}
          onChange={({ target }) => network.change({ isOffline: !target.checked })}
        />
        <span>Network of {letter}</span>
      </label>
      <details>
        <summary>{isBad ? 'A bad network' : 'Make it bad'}</summary>
        <label>
          Latency, one way: {latencyMs} ms
          <input
            type="range"
            min={0}
            max={2000}
            step={100}
            value={latencyMs}
            onChange={({ target }) => network.change({ latencyMs: Number(target.value) })}
          />
        </label>
        <label>
          Bandwidth
          <select
            value={bitsPerSecond}
            onChange={({ target }) => network.change({ bitsPerSecond: Number(target.value) })}
          >
            {bandwidths.map(([value, label]) => (
              <option key={value} value={value}>
                {label}
              </option>
            ))}
          </select>
        </label>
        <label>
          Packets lost: {Math.round(loss * 100)} %
          <input
            type="range"
            min={0}
            max={50}
            step={5}
            value={Math.round(loss * 100)}
            onChange={({ target }) => network.change({ loss: Number(target.value) / 100 })}
          />
        </label>
        <p className="muted">A lost packet is sent again: what you see of it is delay.</p>
      </details>
    </div>
  );
}
