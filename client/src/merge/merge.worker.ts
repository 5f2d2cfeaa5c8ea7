/** Computes merge reports in a worker: a thread of Node, or a module worker of a browser. */
import { computeMergeReport } from './merge-report.ts';
import type { MergeRequest, MergeResponse } from './merge-task.ts';
import { nodeThreads } from './node-threads.ts';

function answer({ n, input }: MergeRequest): MergeResponse {
  try {
    return { n, report: computeMergeReport(input) };
  } catch (error) {
    return { n, error: error instanceof Error ? error.message : String(error) };
  }
}

const parentPort = nodeThreads()?.parentPort ?? null;
const say = (response: MergeResponse): void => {
  if (parentPort === null) self.postMessage(response);
  else parentPort.postMessage(response);
};

if (parentPort === null) self.onmessage = (event: MessageEvent<MergeRequest>): void => say(answer(event.data));
else parentPort.on('message', (request) => say(answer(request as MergeRequest)));
say({ ready: true });
