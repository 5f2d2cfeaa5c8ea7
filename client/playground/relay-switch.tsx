import { useEffect, useState } from 'react';

const downSeconds = 15;

/** Takes the relay down for a while: it drops and refuses connections, and keeps what it has stored. */
export function RelaySwitch() {
  const [left, setLeft] = useState(0);
  const [problem, setProblem] = useState('');
  const isDown = left > 0;
  useEffect(() => {
    if (!isDown) return undefined;
    const timer = setInterval(() => setLeft((seconds) => seconds - 1), 1000);
    return () => clearInterval(timer);
  }, [isDown]);
  const take = async (seconds: number): Promise<void> => {
    const answer = await fetch('/api/playground/down', { method: 'POST', body: JSON.stringify({ seconds }) });
    if (answer.ok) {
      setProblem('');
      setLeft(seconds);
    } else {
      setProblem(answer.status === 403 ? "This works on the relay's own machine only." : `It said ${answer.status}.`);
    }
  };
  const ask = (seconds: number): void => void take(seconds).catch((error: unknown) => setProblem(String(error)));
  return (
    <section className="relay" aria-label="The relay">
      {isDown ? (
        <button type="button" onClick={() => ask(0)}>
          Bring it back now
        </button>
      ) : (
        <button type="button" onClick={() => ask(downSeconds)}>
          Take the relay down for {downSeconds} s
        </button>
      )}
      <span className="muted">
        {isDown ? `The relay takes nobody for ${left} s. Type on.` : 'It cuts everybody off, as a crash would.'}
      </span>
      {problem !== '' && <span role="alert">{problem}</span>}
    </section>
  );
}
