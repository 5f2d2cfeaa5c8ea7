/**
 * Runs one compiled uvu file inside its own process and tells the parent (test.mjs), over the IPC channel, which test
 * is running and how it ended. uvu's own runner leaves three holes that are closed here: a suite that never ran, a hung
 * test without a name, and titles or skips that nobody looks at.
 */
import { pathToFileURL } from 'node:url';
import { titleHint, titleRule } from './rule-ids.mjs';

/** What may still hold the process open this long after the last test is a leak: a socket, a timer, a worker. */
const leakAfterMs = 5000;

const file = process.argv[2];
let current = '';
let finished = false;
const badTitles = new Set();

/** The channel is absent when someone runs this by hand; then only the exit code speaks. */
function tell(message) {
  return new Promise((resolve) => {
    if (process.send) process.send(message, () => resolve());
    else resolve();
  });
}

// uvu stores the title of the running test in `state.__test__` and shows it to nobody. An inherited accessor hears it
// without patching uvu: every suite's state is an ordinary object.
// oxlint-disable-next-line no-extend-native -- not enumerable, and only in the process of this one test file
Object.defineProperty(Object.prototype, '__test__', {
  configurable: true,
  get: () => current,
  set: (title) => {
    current = title;
    if (title === '') return;
    void tell({ running: title });
    if (!titleRule.test(title)) badTitles.add(title);
  },
});

// With UVU_DEFER, uvu only queues its suites, and this module runs them one by one.
globalThis.UVU_DEFER = 1;
globalThis.UVU_INDEX = 0;
globalThis.UVU_QUEUE = [[]];

process.on('exit', () => {
  if (finished) return;
  process.exitCode = process.exitCode || 1;
  const where = current === '' ? 'before its tests ended' : `during the test "${current}"`;
  console.error(
    `The process ended ${where}: by an error nobody caught (above), process.exit, or a promise that nothing can resolve any more.`,
  );
});

const result = { passed: 0, failed: 0, skipped: 0, problems: [] };
await import(pathToFileURL(file).href);
for (const runSuite of globalThis.UVU_QUEUE[0]) {
  try {
    const [errors, passed, skipped, total] = await runSuite();
    result.passed += passed;
    if (typeof errors === 'string') result.failed += total - passed;
    result.skipped += skipped;
    if (typeof errors === 'string') process.stdout.write(`\n${errors}\n`);
    // uvu's `return` inside `finally` swallows what a hook throws, and the suite would count as passed.
    else if (passed < total) result.problems.push(`a before hook threw: ${total - passed} tests did not run`);
  } catch (error) {
    result.failed += 1;
    console.error('A hook of the suite failed:', error);
  }
}
if (result.skipped > 0) result.problems.push(`${result.skipped} tests were not run (skip, or others marked only)`);
if (result.passed + result.failed === 0) result.problems.push('no test ran: is .run() missing, or every suite empty?');
for (const title of badTitles) result.problems.push(`the title "${title}" must be one that ${titleHint}`);
finished = true;
current = '';
process.exitCode = result.failed + result.problems.length > 0 ? 1 : 0;
await tell({ done: result });

setTimeout(() => {
  console.error(`Still open ${leakAfterMs} ms after the last test: ${process.getActiveResourcesInfo().join(', ')}`);
  process.exit(1);
}, leakAfterMs).unref();
