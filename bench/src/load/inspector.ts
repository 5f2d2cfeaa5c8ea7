/** Asks a Node process for a garbage collection and what is left then, over the inspector that it was started with. */
import { WebSocket } from 'ws';
import { BenchError, within } from '../errors.ts';

const answerMsMax = 60_000;
/** One collection leaves what finalizers free. */
const collections = 2;

/** Collects garbage; resolves with the bytes of the JavaScript heap that are in use after it. */
export async function collectGarbage(port: number): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${port}/json/list`);
  const [target] = (await response.json()) as { readonly webSocketDebuggerUrl: string }[];
  if (target === undefined) throw new BenchError('the server has no inspector');
  const socket = new WebSocket(target.webSocketDebuggerUrl);
  try {
    await within(answerMsMax, 'the inspector', new Promise((resolve) => socket.once('open', resolve)));
    for (let id = 1; id <= collections; id++) await ask(socket, id, 'HeapProfiler.collectGarbage');
    const usage = (await ask(socket, collections + 1, 'Runtime.getHeapUsage')) as { readonly usedSize: number };
    return usage.usedSize;
  } finally {
    socket.terminate();
  }
}

/** The result of a method that needs no parameters. */
async function ask(socket: WebSocket, id: number, method: string): Promise<unknown> {
  const answered = new Promise<Buffer>((resolve) => socket.once('message', resolve));
  socket.send(JSON.stringify({ id, method }));
  const answer = await within(answerMsMax, method, answered);
  return (JSON.parse(answer.toString()) as { readonly result: unknown }).result;
}
