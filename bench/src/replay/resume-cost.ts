/**
 * What coming back costs: devices that have a document lose their connection, somebody types on, and they come back. The
 * bytes of the messages that travel then are set against those of the updates that each of them missed. Nobody shows a
 * presence: who else is there is no part of what was missed.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { SyncClient } from '@tideweave/client';
import * as Y from 'yjs';
import { applyPatches } from './causal-order.ts';
import { ReplayError } from './errors.ts';
import { type Traffic, assertIdentical, countingWebSocket, noTraffic, textName } from './peer.ts';
import { RelayProcess, makeDataFolder, removeFolder, withinMs } from './relay-process.ts';
import type { Trace } from './trace.ts';

export interface ResumeCost {
  readonly missedUpdates: number;
  /** Of the missed updates, as Yjs made them. */
  readonly missedBytes: number;
  readonly receivedBytes: number;
  readonly sentBytes: number;
  /** What may travel in both directions together. */
  readonly boundBytes: number;
  /** What a device that knows nothing receives. */
  readonly documentBytes: number;
}

/** Longer than the second after which devices are told how far they may resume from. */
const watermarkMs = 1500;
/** After the content there may be another word about cursors: it is a part of what coming back costs. */
const settleMs = 300;
const syncMsMax = 60_000;
const name = 'document';

/** What coming back may cost for so many bytes missed. */
const resumeBound = (missedBytes: number): number => Math.floor(1.2 * missedBytes + 200);

/** A device with its own client, whose traffic is counted. */
class Device {
  readonly doc: Y.Doc = new Y.Doc();
  readonly traffic: Traffic = noTraffic();
  readonly client: SyncClient;
  readonly handle: ReturnType<SyncClient['open']>;
  missedUpdates = 0;
  missedBytes = 0;
  documentBytes = 0;

  constructor(url: string) {
    this.client = new SyncClient({ url, WebSocket: countingWebSocket(this.traffic) });
    this.handle = this.client.open(name, { doc: this.doc });
    this.handle.awareness.setLocalState(null);
  }
}

/** Measures for each of these numbers of missed updates, which the trace must be longer than. Throws `ReplayError`. */
export async function resumeCosts(trace: Trace, missed: readonly number[]): Promise<readonly ResumeCost[]> {
  const missedMax = Math.max(...missed);
  const typed = trace.transactions.length - missedMax;
  if (typed <= 0)
    throw new ReplayError(`${trace.name} has ${trace.transactions.length} edits: too few to miss ${missedMax}`);
  const folder = await makeDataFolder();
  const relay = await RelayProcess.start(folder);
  const devices = new Map<number, Device>();
  const writer = new SyncClient({ url: relay.url });
  try {
    const doc = new Y.Doc();
    doc.transact(() => {
      for (const { patches } of trace.transactions.slice(0, typed)) applyPatches(doc.getText(textName), patches);
    });
    const writing = writer.open(name, { doc });
    writing.awareness.setLocalState(null);
    const saved = (): Promise<void> =>
      withinMs(syncMsMax, 'the edits to be durable', writing.whenSaved({ tier: 'server' }));
    await saved();
    for (const count of missed) devices.set(count, new Device(relay.url));
    for (const device of devices.values()) {
      await withinMs(syncMsMax, 'a device to be synced', device.handle.whenSynced());
      device.documentBytes = device.traffic.receivedBytes;
    }

    doc.on('update', (update: Uint8Array) => {
      for (const device of devices.values()) {
        if (device.client.status.connection === 'connected') continue;
        device.missedUpdates += 1;
        device.missedBytes += update.length;
      }
    });
    let next = typed;
    const type = async (until: number): Promise<void> => {
      for (; next < until; next += 1) {
        applyPatches(doc.getText(textName), trace.transactions[next]?.patches ?? []);
        // A keystroke is a turn of its own.
        await sleep(0);
      }
      await saved();
    };
    for (const count of missed.toSorted((a, b) => b - a)) {
      await type(trace.transactions.length - count);
      await sleep(watermarkMs);
      devices.get(count)?.client.disconnect();
    }
    await type(trace.transactions.length);

    const costs: ResumeCost[] = [];
    for (const count of missed) {
      const device = devices.get(count);
      if (device === undefined) continue;
      const { traffic, missedUpdates, missedBytes, documentBytes } = device;
      const [receivedBefore, sentBefore] = [traffic.receivedBytes, traffic.sentBytes];
      device.client.connect();
      await withinMs(syncMsMax, 'a device to be back', device.handle.whenSynced());
      await sleep(settleMs);
      assertIdentical(`the device that missed ${count} updates`, device.doc, doc);
      costs.push({
        missedUpdates,
        missedBytes,
        receivedBytes: traffic.receivedBytes - receivedBefore,
        sentBytes: traffic.sentBytes - sentBefore,
        boundBytes: resumeBound(missedBytes),
        documentBytes,
      });
    }
    return costs;
  } finally {
    writer.destroy();
    for (const { client } of devices.values()) client.destroy();
    await relay.stop();
    await removeFolder(folder);
  }
}
