/** What `tideweave verify` has to say about a folder. */
import { runProgram } from '../../src/cli/program.ts';

/** Nothing when everything is in order, otherwise what was printed. */
export async function verified(path: string): Promise<string> {
  let text = '';
  const write = (more: string): void => void (text += more);
  const exitCode = await runProgram(['verify', '--data', path], {
    env: {},
    version: '',
    writeOut: write,
    writeError: write,
    serve: () => Promise.reject(new Error('not serving')),
  });
  return exitCode === 0 ? '' : text;
}
