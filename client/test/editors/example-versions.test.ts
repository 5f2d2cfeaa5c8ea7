/** What a reader of an example installs is what is tested here: newer packages of an editor often do not fit each other. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { root } from './browser.ts';
import { examples } from './examples.ts';

for (const example of examples) {
  test(`P1 the README of ${example} installs the versions that are tested`, async () => {
    const [readme, manifest] = await Promise.all(
      [`client/examples/${example}/README.md`, 'client/package.json'].map((path) => readFile(join(root, path), 'utf8')),
    );
    const { devDependencies } = JSON.parse(manifest ?? '') as { devDependencies: Record<string, string> };
    const command = /^npm install (?:.*\\\n)*.*$/m.exec(readme ?? '')?.[0].replaceAll('\\\n', ' ') ?? '';
    const words = command.split(/\s+/).slice(2);
    assert.ok(words.length > 3, command);
    for (const word of words) {
      const name = word.replace(/(?<=.)@[\d.]+$/, '');
      const version = devDependencies[name];
      if (version !== undefined && /^\d/.test(version)) assert.is(word, `${name}@${version}`);
    }
  });
}

test.run();
