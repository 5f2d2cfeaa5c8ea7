/** The documentation leads somewhere. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Page, pages, root, withoutCode } from './markdown.ts';

/** The anchors that GitHub gives a page's headings. */
function anchorsOf(text: string): Set<string> {
  const anchors = new Set<string>();
  for (const [, heading = ''] of withoutCode(text).matchAll(/^#{1,6} (.+)$/gm)) {
    const plain = heading.replaceAll(/[^\p{L}\p{N} _-]/gu, '').toLowerCase();
    anchors.add(plain.trim().replaceAll(' ', '-'));
  }
  return anchors;
}

/** Where a page's links lead nowhere. */
function deadLinks({ path: page, text: whole }: Page): string[] {
  const text = withoutCode(whole).replaceAll(/`[^`\n]*`/g, '');
  const dead: string[] = [];
  for (const [, target = ''] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
    if (/^(?:https?|mailto|wss?):/.test(target)) continue;
    const [path = '', anchor] = target.split('#');
    const to = path === '' ? join(root, page) : resolve(root, dirname(page), path);
    const isThere = existsSync(to);
    if (
      !isThere ||
      (anchor !== undefined && !(statSync(to).isFile() && anchorsOf(readFileSync(to, 'utf8')).has(anchor)))
    ) {
      dead.push(`${page}: ${target}`);
    }
  }
  return dead;
}

test('O8 every link of the documentation leads to a file and a heading', () => {
  const all = pages();
  assert.ok(all.length > 20, `only ${all.length} pages`);
  assert.equal(all.flatMap(deadLinks), []);
});

test('O8 what looks like a heading within code is none', () => {
  const page =
    '# Real\n\n```sh\n# a comment\necho\n```\n\n## `Named` here\n\n1. a list\n\n   ~~~\n# another\n   ~~~\n\n```\n```\n\n### Last\n';
  assert.equal([...anchorsOf(page)], ['real', 'named-here', 'last']);
});

test.run();
