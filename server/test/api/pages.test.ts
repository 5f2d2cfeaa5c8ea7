// @slow
// The pages that a relay serves, as a browser asks for them.
import { SyncClient } from '@tideweave/client';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { WebSocket } from 'ws';
import { HocuspocusClient } from '../conformance/hocuspocus-client.ts';
import { withRelay } from '../support/relay.ts';
import { until, within } from '../support/wait.ts';

const down = (http: string, seconds: unknown, headers: Readonly<Record<string, string>> = {}): Promise<Response> =>
  fetch(`${http}/api/playground/down`, { method: 'POST', body: JSON.stringify({ seconds }), headers });

test('A1 a page comes with a policy that lets nothing of others in, and its parts are cached as they may be', async () => {
  await withRelay({ playground: true }, async ({ http }) => {
    const page = await fetch(`${http}/`);
    assert.is(page.status, 200);
    assert.is(page.headers.get('content-type'), 'text/html; charset=utf-8');
    assert.is(page.headers.get('cache-control'), 'no-cache');
    assert.is(page.headers.get('x-content-type-options'), 'nosniff');
    assert.is(page.headers.get('referrer-policy'), 'no-referrer');
    const policy = page.headers.get('content-security-policy') ?? '';
    assert.match(policy, "default-src 'none'");
    assert.match(policy, "script-src 'self';");
    assert.not.match(policy, /unsafe-(?!inline)|https?:|\*/);
    assert.not.match(policy, /(?:script|style)-src [^;]*unsafe/);
    const html = await page.text();
    assert.not.match(html, /https?:\/\//);

    const script = await fetch(`${http}/main.js`);
    assert.is(script.headers.get('content-type'), 'text/javascript; charset=utf-8');
    const etag = script.headers.get('etag') ?? '';
    const again = await fetch(`${http}/main.js`, { headers: { 'if-none-match': etag } });
    assert.is(again.status, 304);
    const [chunk = ''] = /chunk-\w{8}\.js/.exec(await script.text()) ?? [];
    const hashed = await fetch(`${http}/${chunk}`);
    assert.is(hashed.headers.get('cache-control'), 'public, max-age=31536000, immutable');
  });
});

test('R1 what is not a part of the page is not found, however it is spelt', async () => {
  await withRelay({ playground: true }, async ({ http }) => {
    for (const path of ['/nothing.js', '/..%2f..%2fpackage.json', '/%2e%2e/package.json', '/main.js/', '/__proto__']) {
      const { status, headers } = await fetch(`${http}${path}`);
      assert.is(status, 404, path);
      assert.match(headers.get('content-type') ?? '', 'application/json', path);
    }
  });
});

test('U3 a relay without the playground says so, and has none of its routes', async () => {
  await withRelay({}, async ({ http }) => {
    const page = await fetch(`${http}/`);
    assert.is(page.status, 404);
    const { error } = (await page.json()) as { error: { code: string; message: string } };
    assert.is(error.code, 'TW_NOT_FOUND');
    assert.match(error.message, '--playground');
    for (const answer of [await fetch(`${http}/main.js`), await down(http, 1)]) assert.is(answer.status, 404);
  });
});

test('A1 only who looks after the relay takes it down, and for a while at most', async () => {
  await withRelay({ playground: true }, async ({ http }) => {
    assert.is((await down(http, 1, { 'x-forwarded-for': '203.0.113.7' })).status, 403);
    assert.is((await down(http, 1, { origin: 'https://evil.example' })).status, 403);
    for (const seconds of [-1, 121, '1', null, NaN])
      assert.is((await down(http, seconds)).status, 400, String(seconds));
  });
});

test('C4 a relay that is down cuts everybody and refuses, and what was typed arrives when it is back', async () => {
  await withRelay({ playground: true }, async ({ http, url, relay }) => {
    const client = new SyncClient({ url });
    try {
      const handle = client.open('document');
      await within('synced', handle.whenSynced());
      assert.is((await down(http, 60)).status, 200);
      await until('the socket to be cut', () => client.status.connection !== 'connected');
      handle.doc.getText('text').insert(0, 'typed meanwhile');
      const refused = new WebSocket(`${url}/other`);
      const [error] = await new Promise<[Error]>((resolve) => refused.once('error', (cause) => resolve([cause])));
      assert.match(error.message, '503');
      assert.is(relay.stats.connections, 0);
      assert.is((await down(http, 0)).status, 200);
      client.disconnect();
      client.connect();
      await within('saved', handle.whenSaved({ tier: 'server' }));
    } finally {
      client.destroy();
    }
  });
});

test('P1 a stock Hocuspocus provider connects to / where the page is', async () => {
  await withRelay({ playground: true }, async ({ url }) => {
    const client = new HocuspocusClient(4, { url: `${url}/`, name: 'document' });
    try {
      await until('it to be in sync', () => client.isSynced);
    } finally {
      client.destroy();
    }
  });
});

test.run();
