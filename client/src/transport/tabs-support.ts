/** Whether the tabs of this browser can find each other: not in Node, in a worker, or in pages that are not secure. */
export function canShareTabs(): boolean {
  const { navigator } = globalThis as { readonly navigator?: { readonly locks?: unknown } };
  return navigator?.locks !== undefined && typeof BroadcastChannel !== 'undefined' && typeof document !== 'undefined';
}
