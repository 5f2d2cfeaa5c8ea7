/** Puts the parts of webhooks together over a data folder. */
import { join } from 'node:path';

import type { Clock } from '@tideweave/shared';

import type { DocumentLog } from '../log/document-log.ts';
import type { Logger } from '../observability/log.ts';
import type { Meter } from '../observability/meter.ts';
import { WebhookQueue } from './webhook-queue.ts';
import { WebhookSender, type WebhookTarget } from './webhook-sender.ts';
import { Webhooks } from './webhooks.ts';

/** Where an application hears what happens to documents. */
export interface WebhookSettings extends WebhookTarget {
  /** Time from an edit until it is told, with all that came meanwhile. Milliseconds. */
  readonly debounceMs: number;
}

/** What tells an application, and what it can be watched by. */
export interface OpenWebhooks {
  readonly webhooks: Webhooks;
  readonly queue: Pick<WebhookQueue, 'size' | 'oldest'>;
  readonly sender: Pick<WebhookSender, 'receiver' | 'trouble'>;
}

/** The queue's folder, below that of the documents. */
const queueFolder = 'webhooks';

export async function openWebhooks(
  { url, secret, debounceMs }: WebhookSettings,
  data: string,
  parts: { readonly log: DocumentLog; readonly clock: Clock; readonly logger: Logger; readonly meter: Meter },
): Promise<OpenWebhooks> {
  const queue = await WebhookQueue.open(join(data, queueFolder));
  const sender = new WebhookSender({ ...parts, url, secret, queue, random: Math.random });
  return { webhooks: new Webhooks({ ...parts, queue, sender, debounceMs }), queue, sender };
}
