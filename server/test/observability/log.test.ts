import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Logger, createLogger, withFields } from '../../src/observability/log.ts';

function capture(): { logger: Logger; lines: () => Record<string, unknown>[]; text: () => string } {
  let text = '';
  const logger = createLogger({ level: 'debug', stream: { write: (line) => void (text += line) } });
  const lines = (): Record<string, unknown>[] =>
    text
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  return { logger, lines, text: () => text };
}

test('O1 a line is one JSON object with time, level, fields and message', () => {
  const { logger, lines } = capture();
  withFields(logger, { connection: 7 }).info({ document: 'notes' }, 'opened');
  logger.trace({}, 'below the level');
  const [line, ...more] = lines();
  assert.is(more.length, 0);
  assert.is(line?.['level'], 'info');
  assert.is(line?.['msg'], 'opened');
  assert.is(line?.['document'], 'notes');
  assert.is(line?.['connection'], 7);
  assert.match(String(line?.['time']), /^\d{4}-\d\d-\d\dT/);
});

test('O1 fields that hold secrets or content are redacted', () => {
  const { logger, text } = capture();
  const secret = 's3cr3t';
  logger.info(
    { token: secret, authorization: secret, cookie: secret, update: secret, content: secret, state: secret },
    'x',
  );
  withFields(logger, { token: secret }).warn({}, 'y');
  assert.not.match(text(), secret);
});

test('O1 tokens inside URLs and errors are redacted', () => {
  const { logger, text, lines } = capture();
  const jwt = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJtZSJ9.c2lnbmF0dXJl';
  logger.info({ url: '/doc?token=s3cr3t&x=1' }, 'x');
  const cause = new Error('header authorization: Bearer s3cr3t');
  const err = Object.assign(new Error(`cannot verify ${jwt}`, { cause }), {
    code: 'E_X',
    update: 's3cr3t',
    bytes: new Uint8Array([115, 51]),
  });
  logger.error({ err }, 'failed');
  assert.not.match(text(), 's3cr3t');
  assert.not.match(text(), 'c2lnbmF0dXJl');
  const logged = lines()[1]?.['err'] as Record<string, unknown>;
  assert.equal(Object.keys(logged).sort(), ['cause', 'code', 'message', 'stack', 'type']);
});

test.run();
