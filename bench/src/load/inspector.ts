/** Asks a Node process for a garbage collection, over the inspector that it was started with. */
import { WebSocket } from 'ws';
import { BenchError, within } from '../errors.ts';

const answerMsMax = 60_000;
/** One collection leaves what finalizers free. */
const collections = 2;

export async function collectGarbage(port: number): Promise<void> {
  const response = await fetch(`http://127.0.0.1:${port}/json/list`);
  const [target] = (await response.json()) as { readonly webSocketDebuggerUrl: string }[];
  if (target === undefined) throw new BenchError('the server has no inspector');
  const socket = new WebSocket(target.webSocketDebuggerUrl);
  try {
    await within(answerMsMax, 'the inspector', new Promise((resolve) => socket.once('open', resolve)));
    for (let id = 1; id <= collections; id++) {
      const answered = new Promise((resolve) => socket.once('message', resolve));
      socket.send(JSON.stringify({ id, method: 'HeapProfiler.collectGarbage' }));
      await within(answerMsMax, 'a garbage collection', answered);
    }
  } finally {
    socket.terminate();
  }
}
