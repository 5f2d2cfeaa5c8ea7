import type { Cancel } from '@tideweave/shared';

/** A channel between tabs. */
export interface TabChannel {
  post(data: unknown): void;
  close(): void;
}

/** What tabs need of the browser to find each other. */
export interface TabsPlatform {
  /** Every other channel of that name hears what is posted, in order; nobody else does. */
  openChannel(name: string, received: (data: unknown) => void): TabChannel;
  /**
   * Asks for a lock that one tab at a time holds. Calls `granted` when it is this tab's, then `lost` at most once when
   * another stole it. Returns what gives it up, or the place in the line.
   */
  lock(name: string, options: { readonly steal: boolean }, granted: () => void, lost: () => void): Cancel;
  /** Something that nobody else makes. */
  randomId(): string;
  /** A name made of the text, from which the text cannot be found. */
  digest(text: string): Promise<string>;
  /** The page is about to be closed or frozen; it is back. Returns what stops it. */
  watchPage(hidden: () => void, shown: () => void): Cancel;
}
