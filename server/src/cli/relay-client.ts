/** A running relay as the commands reach it: its admin interface (docs/http-api.md) over HTTP. */
import type { BackupSource, Listed } from '../backup/backup-source.ts';

/** Time until the headers of an answer are there; a large document is read from the disk before. */
const answerMsMax = 60_000;

/** The relay refused, or something in front of it. */
export class RelayRefusal extends Error {
  override readonly name = 'RelayRefusal';
  readonly status: number;
  /** TW_…, or empty when it was not the relay that answered. */
  readonly refusal: string;

  constructor(status: number, refusal: string, message: string) {
    super(message);
    this.status = status;
    this.refusal = refusal;
  }
}

export class RelayClient implements BackupSource {
  readonly #base: string;
  readonly #headers: Record<string, string>;

  /** `url`: the relay's own, http or https. `token` goes to its authorizer; empty for none. */
  constructor(url: string, token: string) {
    this.#base = url.replace(/\/+$/, '');
    this.#headers = token === '' ? {} : { Authorization: `Bearer ${token}` };
  }

  /** Throws `RelayRefusal`, or a TypeError when nobody answers. */
  async fetch(path: string, init: RequestInit = {}): Promise<Response> {
    const response = await fetch(`${this.#base}${path}`, {
      ...init,
      headers: this.#headers,
      signal: init.signal ?? AbortSignal.timeout(answerMsMax),
    });
    if (response.ok) return response;
    const text = await response.text();
    try {
      const { error } = JSON.parse(text) as { error: { code: string; message: string } };
      throw new RelayRefusal(response.status, error.code, `${error.code}: ${error.message}`);
    } catch (error) {
      if (error instanceof RelayRefusal) throw error;
      throw new RelayRefusal(response.status, '', `HTTP ${response.status} ${text.slice(0, 200)}`);
    }
  }

  async json<Value>(path: string, init: RequestInit = {}): Promise<Value> {
    return (await this.fetch(path, init)).json() as Promise<Value>;
  }

  async list(after: string | null, limit: number): Promise<readonly Listed[]> {
    const query = new URLSearchParams({ limit: String(limit), ...(after !== null && { after }) });
    return (await this.json<{ documents: Listed[] }>(`/api/admin/docs?${query.toString()}`)).documents;
  }

  async read(name: string): Promise<AsyncIterable<Uint8Array> | null> {
    try {
      const { body } = await this.fetch(`${adminPath(name)}/image`, { signal: new AbortController().signal });
      return body;
    } catch (error) {
      if (error instanceof RelayRefusal && error.refusal === 'TW_NOT_FOUND') return null;
      throw error;
    }
  }
}

/** Where a document is below the relay's address. Throws for the two names that no URL can have. */
export function adminPath(name: string): string {
  if (name === '.' || name === '..') throw new Error('no URL leads to this name: stop the relay and use --data');
  return `/api/admin/docs/${encodeURIComponent(name)}`;
}
