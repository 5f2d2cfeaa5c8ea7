/** A relay's `/api/admin`, asked from a page. */

/** The relay refused, or did not answer. */
export class RelayApiError extends Error {
  override readonly name = 'RelayApiError';
  /** HTTP status; 0 when nobody answered. */
  readonly status: number;
  /** TW_…, or empty when it was not the relay that answered. */
  readonly code: string;

  constructor(status: number, code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
    this.code = code;
  }
}

/** What is shown to the relay's authorizer; asked for anew with each request. */
export type InspectorToken = string | (() => string | Promise<string>);

export class RelayApi {
  readonly #base: string;
  readonly #token: InspectorToken;

  /** `url`: the relay's, `http(s)://` or `ws(s)://`. */
  constructor(url: string, token: InspectorToken) {
    this.#base = url.replace(/^ws/, 'http').replace(/\/+$/, '');
    this.#token = token;
  }

  /** What is below `/api/admin`. Throws `RelayApiError`. */
  async get<Answer>(path: string, signal?: AbortSignal): Promise<Answer> {
    return JSON.parse(await this.text(path, signal)) as Answer;
  }

  /** The same as it came. */
  async text(path: string, signal: AbortSignal | null = null): Promise<string> {
    const token = typeof this.#token === 'string' ? this.#token : await this.#token();
    const headers: Record<string, string> = token === '' ? {} : { Authorization: `Bearer ${token}` };
    let response: Response;
    try {
      response = await fetch(`${this.#base}/api/admin/${path}`, { headers, signal });
    } catch (error) {
      throw new RelayApiError(0, '', 'the relay does not answer', { cause: error });
    }
    const text = await response.text();
    if (response.ok) return text;
    throw refusalIn(response.status, text);
  }
}

function refusalIn(status: number, text: string): RelayApiError {
  try {
    const { error } = JSON.parse(text) as { error: { code: string; message: string } };
    return new RelayApiError(status, error.code, error.message);
  } catch {
    return new RelayApiError(status, '', `the relay, or something in front of it, said ${status}`);
  }
}

/** The path of a document below `/api/admin`. */
export function documentPath(name: string): string {
  return `docs/${encodeURIComponent(name)}`;
}
