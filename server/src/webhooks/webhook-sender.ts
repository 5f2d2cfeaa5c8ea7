/** Sends what waits, one after another in order, and again with growing pauses until the receiver says that it has it. */
import type { Cancel, Clock, Random, WebhookTrouble } from '@tideweave/shared';

import { type Logger, asError } from '../observability/log.ts';
import type { Meter } from '../observability/meter.ts';
import { signWebhook, signatureHeader } from './event.ts';
import type { WebhookQueue } from './webhook-queue.ts';

export interface WebhookTarget {
  /** Where events are posted to, http or https. */
  readonly url: string;
  /** Signs them (HMAC-SHA256). */
  readonly secret: string;
}

export interface WebhookSenderOptions extends WebhookTarget {
  readonly queue: WebhookQueue;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly meter: Meter;
}

const answerMsMax = 10_000;
/** Pauses between attempts, doubled from the first to the longest, half of each by chance. */
const retryMs = { first: 1000, max: 300_000 } as const;

export class WebhookSender {
  readonly #options: WebhookSenderOptions;
  readonly #closing = new AbortController();
  #planned: Cancel | null = null;
  #sending: Promise<void> | null = null;
  #failures = 0;
  #trouble: WebhookTrouble | null = null;

  constructor(options: WebhookSenderOptions) {
    this.#options = options;
  }

  /** Where events go: without what may be secret in the address. */
  get receiver(): string {
    const { origin, pathname } = new URL(this.#options.url);
    return `${origin}${pathname}`;
  }

  /** Why the oldest event is not sent yet; null when the last attempt went well. */
  get trouble(): WebhookTrouble | null {
    return this.#trouble;
  }

  /** Something may wait. Does nothing while it sends, or pauses after a failure. */
  wake(): void {
    if (this.#closing.signal.aborted || this.#sending !== null || this.#planned !== null) return;
    this.#sending = this.#sendAll().finally(() => (this.#sending = null));
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#planned?.();
    await this.#sending;
  }

  async #sendAll(): Promise<void> {
    const { queue, logger, meter, clock, random } = this.#options;
    try {
      for (let next = await queue.first(); next !== null; next = await queue.first()) {
        if (this.#closing.signal.aborted) return;
        await this.#send(JSON.stringify(next.event));
        await queue.remove(next.key);
        meter.webhooks += 1;
        this.#failures = 0;
        this.#trouble = null;
      }
    } catch (error) {
      if (this.#closing.signal.aborted) return;
      meter.failedWebhooks += 1;
      const pauseMs = Math.min(retryMs.max, retryMs.first * 2 ** this.#failures) * (0.5 + random() / 2);
      this.#failures += 1;
      const nextAt = clock.wallTime() + pauseMs;
      this.#trouble = { attempts: this.#failures, error: asError(error).message, nextAt };
      logger.warn({ err: asError(error), waiting: queue.size, pauseMs }, 'a webhook could not be sent');
      this.#planned = clock.after(pauseMs, () => {
        this.#planned = null;
        this.wake();
      });
    }
  }

  async #send(body: string): Promise<void> {
    const { url, secret, clock } = this.#options;
    const response = await fetch(url, {
      method: 'POST',
      body,
      headers: {
        'Content-Type': 'application/json',
        [signatureHeader]: signWebhook(secret, body, Math.floor(clock.wallTime() / 1000)),
      },
      redirect: 'error',
      signal: AbortSignal.any([this.#closing.signal, AbortSignal.timeout(answerMsMax)]),
    });
    await response.body?.cancel();
    if (!response.ok) throw new Error(`the receiver answered with HTTP ${response.status}`);
  }
}
