import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { RefusedError } from '../../src/base/errors.ts';
import { type RefusalCode, isRefusalCode, isRetryable, refusalRules } from '../../src/protocol/close.ts';
import { refusalTexts } from '../../src/protocol/refusal-texts.ts';
import { refusal } from '../../src/session/server-session.ts';

const page = readFileSync(new URL('../../../../docs/errors.md', import.meta.url), 'utf8');
const codes = Object.keys(refusalRules) as RefusalCode[];

test('P70 U3 errors.md has a section for every code, and for no other', () => {
  const documented = [...page.matchAll(/^### (\S+)$/gm)].map((match) => match[1] ?? '');
  assert.equal(documented.toSorted(), codes.toSorted());
});

for (const code of codes) {
  test(`P70 U3 ${code} is documented as it is`, () => {
    const section = page.split(`### ${code}\n`)[1]?.split(/^#/m)[0] ?? '';
    const { action, closeCode } = refusalRules[code];
    const { httpStatus, meaning } = refusalTexts[code];
    assert.ok(section.includes(`\n${meaning}\n`), meaning);
    assert.ok(section.includes(`\n- action: ${action} · close: ${closeCode} · HTTP: ${httpStatus}\n`));
    assert.match(section, /\n- user: \S.*\n- operator: \S/);
  });
}

test('P38 P70 U3 every code has an action, and codes that the platform takes', () => {
  assert.is(codes.length, 26, 'a new code: has docs/errors.md what to do about it?');
  for (const code of codes) {
    const { action, closeCode } = refusalRules[code];
    const { httpStatus, meaning } = refusalTexts[code];
    assert.ok(['retry', 'reauth', 'reload', 'upgrade', 'contact'].includes(action), code);
    assert.ok(closeCode === 1011 || closeCode === 1012 || (closeCode >= 4400 && closeCode < 4600), code);
    assert.ok(httpStatus >= 400 && httpStatus < 600, code);
    assert.match(meaning, /^[A-Z].*\.$/, code);
    assert.ok(isRefusalCode(code));
  }
  assert.not(isRefusalCode('toString'));
  assert.not(isRefusalCode(''));
});

test('P39 the close code says whether to come back, as the action does', () => {
  for (const code of codes) {
    const { action, closeCode } = refusalRules[code];
    // A new token needs a new attempt, but the same one again is no use: 44xx, as for any refusal to let somebody in.
    if (action === 'reauth') assert.is(closeCode, 4401);
    else assert.is(isRetryable(action), closeCode >= 4500 || closeCode < 1100, code);
  }
});

test('P38 a refusal carries what its error says', () => {
  const error = new RefusedError('TW_OVERLOADED', 'too much', { retryAfterMs: 5 });
  assert.equal(refusal('document', 3, error), {
    type: 'refuse',
    scope: 'document',
    id: 3,
    code: 'TW_OVERLOADED',
    reason: 'too much',
    action: 'retry',
    retryAfterMs: 5,
  });
});

test.run();
