/** A promise that was broken. */
export interface Violation {
  /** Its number in DESIGN section 3. */
  readonly promise: string;
  readonly what: string;
  readonly atMs: number;
}

/** Where broken promises are reported; the first ends the world. */
export type Report = (promise: string, what: string) => void;
