/**
 * Calls `wake` when there is reason to think that a connection may work now: the browser is online again or the page is
 * looked at. Does nothing in Node. Returns what stops it.
 */
export function watchNetwork(wake: () => void): () => void {
  const target = globalThis as Partial<Pick<Window, 'addEventListener' | 'removeEventListener'>>;
  if (typeof document === 'undefined' || target.addEventListener === undefined) return () => undefined;
  const visible = (): void => {
    if (document.visibilityState === 'visible') wake();
  };
  target.addEventListener('online', wake);
  document.addEventListener('visibilitychange', visible);
  return () => {
    target.removeEventListener?.('online', wake);
    document.removeEventListener('visibilitychange', visible);
  };
}
