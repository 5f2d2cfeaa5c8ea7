/** One document of a bench: somebody types, others read, and it is counted what came and when. */
import { UpdateScan, scanUpdate } from '@tideweave/shared';
import { BenchSession } from './bench-session.ts';
import { keystroke } from './typist.ts';

export interface BenchDocumentOptions {
  readonly name: string;
  /** Client id of the writer. */
  readonly client: number;
  /** `ws://…` */
  readonly url: string;
  readonly token: string;
  readonly readers: number;
  readonly failed: (error: Error) => void;
}

const scan = new UpdateScan();

export class BenchDocument {
  readonly name: string;
  readonly #options: BenchDocumentOptions;
  /** When each character was sent (monotonic ms). */
  readonly #sentMs: number[] = [];
  readonly #sessions: BenchSession[] = [];
  #writer: BenchSession | null = null;
  acknowledged = 0;
  /** Characters that readers have, all of them together. */
  delivered = 0;
  readonly ackMs: number[] = [];
  /** As the first reader got them. */
  readonly deliveryMs: number[] = [];

  constructor(options: BenchDocumentOptions) {
    this.name = options.name;
    this.#options = options;
  }

  get sent(): number {
    return this.#sentMs.length;
  }

  /** Everything sent is durable and with every reader. */
  get isComplete(): boolean {
    return this.acknowledged === this.sent && this.delivered === this.sent * this.#options.readers;
  }

  /** Opens it for all. */
  async begin(): Promise<void> {
    const { readers } = this.#options;
    this.#writer = await this.#open({ acknowledged: (n) => this.#acknowledged(n), updated: () => undefined });
    for (let reader = 0; reader < readers; reader += 1) {
      let has = 0;
      const updated = (update: Uint8Array): void => {
        const end = this.#endOf(update);
        if (reader === 0) this.#note(this.deliveryMs, has, end);
        this.delivered += Math.max(0, end - has);
        has = Math.max(has, end);
      };
      await this.#open({ acknowledged: () => undefined, updated });
    }
  }

  /** Sends the next character. */
  type(): void {
    const clock = this.#sentMs.length;
    this.#sentMs.push(performance.now());
    this.#writer?.push(keystroke(this.#options.client, clock));
  }

  /** Characters that were acknowledged and are not in `update`, all that the relay has of the document. */
  missingFrom(update: Uint8Array): number {
    return Math.max(0, this.acknowledged - this.#endOf(update));
  }

  end(): void {
    for (const session of this.#sessions) session.close();
  }

  async #open(events: {
    readonly acknowledged: (n: number) => void;
    readonly updated: (update: Uint8Array) => void;
  }): Promise<BenchSession> {
    const { url, token, failed } = this.#options;
    const session = await BenchSession.open(url, token, this.name, { ...events, failed });
    this.#sessions.push(session);
    return session;
  }

  #acknowledged(n: number): void {
    this.#note(this.ackMs, this.acknowledged, n);
    this.acknowledged = n;
  }

  #note(times: number[], from: number, to: number): void {
    const now = performance.now();
    for (let at = from; at < to; at += 1) times.push(now - (this.#sentMs[at] ?? now));
  }

  /** The writer's clock behind what an update has of it. */
  #endOf(update: Uint8Array): number {
    let end = 0;
    if (!scanUpdate(update, scan)) throw new Error(`the relay sent an update that is none: ${scan.error}`);
    for (let run = 0; run < scan.runCount; run += 1) {
      if (scan.runClient[run] === this.#options.client) end = Math.max(end, scan.runEnd[run] ?? 0);
    }
    return end;
  }
}
