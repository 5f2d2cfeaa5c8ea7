/** Imports into a relay that runs, through its HTTP interface (docs/http-api.md). */
import type { Prepared } from './import-task.ts';
import type { Target } from './target.ts';

const requestMsMax = 60_000;

export class HttpTarget implements Target {
  readonly #base: string;
  readonly #headers: Record<string, string>;

  /** `url`: the relay's own, http or https. `token` goes to its authorizer; empty for none. */
  constructor(url: string, token: string) {
    this.#base = `${url.replace(/\/+$/, '')}/api/docs/`;
    this.#headers = token === '' ? {} : { Authorization: `Bearer ${token}` };
  }

  async read(name: string): Promise<readonly Uint8Array[] | null> {
    const response = await this.#fetch(name, {});
    if (response.status === 404) {
      await response.body?.cancel();
      return null;
    }
    await check(response);
    return [new Uint8Array(await response.arrayBuffer())];
  }

  async put(name: string, document: Prepared): Promise<void> {
    if (!document.isEntry) {
      throw new Error(
        'it has more clients, deletions or root types than a relay takes at once: stop the relay and import with --data',
      );
    }
    return this.add(name, document.update);
  }

  async add(name: string, update: Uint8Array): Promise<void> {
    const body = new Blob([new Uint8Array(update)], { type: 'application/octet-stream' });
    const response = await this.#fetch(name, { method: 'POST', body });
    await check(response);
    await response.body?.cancel();
  }

  async close(): Promise<void> {}

  async #fetch(name: string, init: RequestInit): Promise<Response> {
    if (name === '.' || name === '..')
      throw new Error('no URL leads to this name: stop the relay and import with --data');
    const url = `${this.#base}${encodeURIComponent(name)}/update`;
    return fetch(url, { ...init, headers: this.#headers, signal: AbortSignal.timeout(requestMsMax) });
  }
}

/** Throws what the relay says. */
async function check(response: Response): Promise<void> {
  if (response.ok) return;
  const text = await response.text();
  let message = text.slice(0, 200);
  try {
    const { error } = JSON.parse(text) as { error: { code: string; message: string } };
    message = `${error.code}: ${error.message}`;
  } catch {
    // Not the relay's own answer, but that of something in front of it.
  }
  throw new Error(`HTTP ${response.status} ${message}`);
}
