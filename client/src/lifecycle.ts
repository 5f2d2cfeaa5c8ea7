/** What happens to a page, as far as edits may be lost by it. Does nothing outside browsers. */
export class PageLifecycle {
  readonly #flush: () => void;
  readonly #target = globalThis as Partial<Pick<Window, 'addEventListener' | 'removeEventListener'>>;
  readonly #isPage = typeof document !== 'undefined' && this.#target.addEventListener !== undefined;
  #isWarning = false;

  /** `flush` brings to the device, and to the socket, what only memory has. */
  constructor(flush: () => void) {
    this.#flush = flush;
    if (!this.#isPage) return;
    this.#target.addEventListener?.('pagehide', this.#flush);
    document.addEventListener('visibilitychange', this.#visibilityChanged);
  }

  /**
   * Whether an edit is in memory alone. Only then there is a listener for `beforeunload` at all: one that does nothing
   * would still keep the page out of the browser's back-forward cache.
   */
  warn(isUnsafe: boolean): void {
    if (!this.#isPage || isUnsafe === this.#isWarning) return;
    this.#isWarning = isUnsafe;
    if (isUnsafe) this.#target.addEventListener?.('beforeunload', preventDefault);
    else this.#target.removeEventListener?.('beforeunload', preventDefault);
  }

  end(): void {
    this.warn(false);
    if (!this.#isPage) return;
    this.#target.removeEventListener?.('pagehide', this.#flush);
    document.removeEventListener('visibilitychange', this.#visibilityChanged);
  }

  readonly #visibilityChanged = (): void => {
    if (document.visibilityState === 'hidden') this.#flush();
  };
}

function preventDefault(event: Event): void {
  event.preventDefault();
}
