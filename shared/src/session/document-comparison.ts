/** How far one document is with being compared. */
export class DocumentComparison {
  /** Something has changed, here or there, since the two were found to be the same. */
  changed: boolean = true;
  /** All that came from the relay is before the cursor. */
  settled: boolean = false;
  /** `stale`: edits were made here since the relay was asked. */
  asked: 'no' | 'yes' | 'stale' = 'no';
  /** The relay was found to lack what is here, and has not been seen to have it since. */
  relayLacks: boolean = false;
  /** Exchanges since the two were last the same. */
  attempts: number = 0;
  /** Somebody waits for the answer: the relay is asked at once, or at the next watermark after it had moved on. */
  urgency: 'none' | 'now' | 'next' = 'none';
  /** When the relay was asked last (monotonic ms). */
  askedAtMs: number = -Infinity;
  /** When to ask (monotonic ms). */
  atMs: number = Infinity;

  /** There is something new: what was found does not hold any more, and nothing is to be asked before it is quiet. */
  touched(): void {
    this.changed = true;
    this.atMs = Infinity;
    if (this.asked === 'yes') this.asked = 'stale';
  }

  /** The document is open on a new connection, or open no more. */
  begin(): void {
    this.touched();
    this.settled = false;
    this.asked = 'no';
  }

  /** The cursor has moved; `settled`: to the end of what the relay has. */
  watermark(settled: boolean): void {
    this.settled = settled;
    if (this.urgency !== 'next') return;
    this.urgency = 'now';
    this.atMs = Infinity;
  }

  same(): void {
    this.changed = false;
    this.relayLacks = false;
    this.urgency = 'none';
    this.attempts = 0;
  }
}
