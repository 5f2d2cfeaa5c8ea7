// The script that says which rules have no test, run on a small tree with mistakes planted in it.
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

const scripts = fileURLToPath(new URL('../../../../scripts', import.meta.url));

interface Context {
  folder: string;
}

const test = suite<Context>('rules');

/** Put together here, so that it is no title of this file. */
const titled = (rules: string): string => `test('${rules} planted', () => {});\n`;

/** The script finds the tree around itself. */
test.before.each(async (context) => {
  context.folder = await mkdtemp(join(tmpdir(), 'tideweave-rules-'));
  await cp(scripts, join(context.folder, 'scripts'), { recursive: true });
  await plant(context, 'docs/promises.md', '- **D1** Nothing is lost.\n- **R1** (not yet) Later.\n');
  await plant(context, 'docs/PROTOCOL.md', '- **P1** Frames.\n- **P2** Types.\n');
  await plant(context, 'docs/STORAGE.md', '- **S1** Names.\n');
  await plant(context, 'docs/dialects.md', '- **P80** Addresses.\n');
  await plant(context, 'shared/test/frames.test.ts', titled('P1 P2 P80'));
  await plant(context, 'server/test/log.test.ts', titled('D1 S1'));
});

test.after.each(({ folder }) => rm(folder, { recursive: true, force: true }));

async function plant({ folder }: Context, path: string, text: string): Promise<void> {
  await mkdir(dirname(join(folder, path)), { recursive: true });
  await writeFile(join(folder, path), text);
}

function run({ folder }: Context): Promise<{ code: number; out: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [join(folder, 'scripts/rules.mjs')], (error, out) =>
      resolve({ code: error === null ? 0 : Number(error.code), out }),
    );
  });
}

test('O1 a tree in which every rule has a test passes', async (context) => {
  const { code, out } = await run(context);
  assert.is(out, 'rules: 6 rules, 2 titles, every rule has a test\n');
  assert.is(code, 0);
});

for (const [document, rule] of [
  ['docs/promises.md', 'C1'],
  ['docs/PROTOCOL.md', 'P3'],
  ['docs/STORAGE.md', 'S2'],
] as const) {
  test(`O1 a rule of ${document} without a test is found`, async (context) => {
    await plant(context, document, `- **${rule}** Planted.\n`);
    const { code, out } = await run(context);
    assert.match(out, new RegExp(`^${document}:1: ${rule} has no test \\(Planted\\.\\)$`, 'm'));
    assert.is(code, 1);
  });
}

test('O1 a title with a rule that is not there is found, in every package, among known ones too', async (context) => {
  await plant(context, 'client/test/a.test.ts', titled('P9'));
  await plant(context, 'bench/test/b.test.ts', `\n${titled('D1, U7')}`);
  const { code, out } = await run(context);
  assert.match(out, /^client\/test\/a\.test\.ts:1: there is no rule P9$/m);
  assert.match(out, /^bench\/test\/b\.test\.ts:2: there is no rule U7$/m);
  assert.is(code, 1);
});

test('O1 a rule that stands twice, a rule of storage that is tested elsewhere and a missing document are found', async (context) => {
  await plant(context, 'docs/PROTOCOL.md', '- **P1** Frames.\n- **P2** Types.\n- **P1** Again.\n');
  await plant(context, 'client/test/a.test.ts', titled('S1'));
  await rm(join(context.folder, 'docs/promises.md'));
  const { code, out } = await run(context);
  assert.match(out, /^docs\/PROTOCOL\.md:3: P1 is already at docs\/PROTOCOL\.md:1$/m);
  assert.match(out, /^client\/test\/a\.test\.ts:1: S1 is a rule of docs\/STORAGE\.md/m);
  assert.match(out, /^docs\/promises\.md is missing$/m);
  assert.is(code, 1);
});

test('O1 what is commented out proves nothing', async (context) => {
  await plant(context, 'server/test/log.test.ts', `// ${titled('D1 S1')}${titled('D1')}`);
  const { code, out } = await run(context);
  assert.match(out, /^docs\/STORAGE\.md:1: S1 has no test/m);
  assert.is(code, 1);
});

test.run();
