/**
 * One run: a trace typed through a relay, then the proof that nothing depends on the processes that were there: everybody
 * leaves, the relay compacts, stops and starts again, and a fresh client reads the same.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Head } from '@tideweave/server';
import * as Y from 'yjs';
import { mergeLocally } from './causal-order.ts';
import { type ClientKind, type Peer, type Traffic, assertIdentical, assertText, connectPeer, textOf } from './peer.ts';
import { type PlayTimes, playConcurrent, playSequential } from './play.ts';
import { Progress } from './progress.ts';
import {
  type ProcessUse,
  RelayApi,
  RelayProcess,
  folderBytes,
  makeDataFolder,
  removeFolder,
  storedHead,
  withinMs,
} from './relay-process.ts';
import type { Trace } from './trace.ts';

export interface RunOptions {
  readonly trace: Trace;
  /** Sequential: of the writer and the reader. Concurrent: of each agent. */
  readonly clients: readonly ClientKind[];
  /** A relay that runs already; null starts one, which can then also be stopped and looked into. */
  readonly relayUrl: string | null;
  /** Where a relay of our own leaves its CPU profiles. */
  readonly profileFolder: string | null;
  /** Bytes of raw entries that a relay of our own keeps behind a snapshot; default what relays keep. */
  readonly rawWindowBytes?: number;
  readonly onProgress?: (done: number, total: number) => void;
}

/** Where the document opens from after a restart, and how fast. */
export interface RestartReport {
  /** From SIGTERM to the end of the process. */
  readonly stopMs: number;
  /** What the stopped relay's files say of the document. */
  readonly head: Head | null;
  /** Everything in the data folder. */
  readonly folderBytes: number;
  /** From connecting to synced, in this order: only the first finds the document unloaded. */
  readonly opens: readonly { readonly client: ClientKind; readonly ms: number; readonly receivedBytes: number }[];
}

export interface RunReport extends PlayTimes {
  readonly trace: string;
  readonly kind: Trace['kind'];
  readonly clients: readonly ClientKind[];
  readonly edits: number;
  readonly characters: number;
  readonly traffic: readonly Readonly<Traffic>[];
  /** Connections lost and refusals, over all peers; none is expected. */
  readonly troubles: number;
  /** Of the document while everybody is still connected: committed entries, and bytes of snapshot and tail. */
  readonly live: { readonly entries: number; readonly bytes: number; readonly folderBytes: number | null };
  readonly relay: ProcessUse;
  /** Null for a relay that is not ours to restart. */
  readonly restart: RestartReport | null;
  /** Why the document could not be deleted from a relay that is not ours; null when it was. */
  readonly leftBehind: string | null;
}

const peerSyncMsMax = 20_000;
const compactionMsMax = 20_000;

/** Throws `ReplayError` when anything diverges, is stuck or ends early. */
export async function run(options: RunOptions): Promise<RunReport> {
  if (options.relayUrl !== null) return runOn(options, options.relayUrl);
  const folder = await makeDataFolder();
  let relay: RelayProcess | null = null;
  try {
    relay = await RelayProcess.start(folder, options);
    const report = await runOn(options, relay.url, { relay, folder });
    return report;
  } finally {
    if (relay?.end === null) await relay.kill();
    await removeFolder(folder);
  }
}

interface Own {
  readonly relay: RelayProcess;
  readonly folder: string;
}

async function runOn(options: RunOptions, url: string, own: Own | null = null): Promise<RunReport> {
  const { trace, clients } = options;
  const api = new RelayApi(url);
  const name = `replay-${randomBytes(6).toString('hex')}`;
  await api.reachable();
  const peers = clients.map((kind) => connectPeer(kind, { url, name, doc: new Y.Doc(), api }));
  try {
    const expected = trace.kind === 'concurrent' ? mergeLocally(trace) : null;
    const progress = new Progress(trace.transactions.length, options.onProgress);
    const playing =
      expected === null
        ? playSequential(trace, ...bothOf(peers), progress)
        : playConcurrent(trace, peers, expected, progress);
    const times = await progress.watch(() => own?.relay.end ?? null, playing);
    const reference = expected ?? bothOf(peers)[0].doc;
    const text = checkReplicas(trace, peers, reference);

    const info = await api.info(name);
    const live = { entries: info.seq, bytes: info.bytes, folderBytes: own && (await folderBytes(own.folder)) };
    const relay = own === null ? { cpuMs: null, peakBytes: null } : await own.relay.use();
    // Counted before they leave, which is no trouble.
    const troubles = peers.reduce((sum, peer) => sum + peer.troubles, 0);
    for (const peer of peers) peer.close();
    const restart = own === null ? null : await restartAndRead(own, { api, name, clients, reference, text });
    // A relay of somebody else's is left as it was found. Whether that works says nothing about the replay.
    const leftBehind = own === null ? await api.delete(name).catch(messageOf) : null;
    return {
      trace: trace.name,
      kind: trace.kind,
      clients,
      edits: trace.transactions.length,
      characters: text.length,
      ...times,
      traffic: peers.map((peer) => ({ ...peer.traffic })),
      troubles,
      live,
      relay,
      restart,
      leftBehind: leftBehind ?? null,
    };
  } finally {
    for (const peer of peers) {
      peer.close();
      peer.doc.destroy();
    }
  }
}

/** All replicas against each other, and against the recorded text where it is known. Returns the text. */
function checkReplicas(trace: Trace, peers: readonly Peer[], reference: Y.Doc): string {
  const text = textOf(reference);
  if (trace.endContent !== null) assertText('the merge of what was typed', text, trace.endContent);
  for (const [at, { kind, doc }] of peers.entries()) {
    assertIdentical(`peer ${at} (${kind})`, doc, reference);
    assertText(`peer ${at} (${kind})`, textOf(doc), text);
  }
  return text;
}

interface Restart {
  readonly api: RelayApi;
  readonly name: string;
  readonly clients: readonly ClientKind[];
  readonly reference: Y.Doc;
  readonly text: string;
}

async function restartAndRead(own: Own, { api, name, clients, reference, text }: Restart): Promise<RestartReport> {
  await compacted(api, name);
  const stopMs = await own.relay.stop();
  const head = await storedHead(own.folder, name);
  const bytes = await folderBytes(own.folder);

  const relay = await RelayProcess.start(own.folder);
  try {
    const opens: RestartReport['opens'][number][] = [];
    for (const client of new Set(clients)) {
      const started = performance.now();
      const peer = connectPeer(client, { url: relay.url, name, doc: new Y.Doc(), api: new RelayApi(relay.url) });
      try {
        await withinMs(peerSyncMsMax, `a fresh ${client} client to be synced after the restart`, peer.whenSynced());
        opens.push({ client, ms: performance.now() - started, receivedBytes: peer.traffic.receivedBytes });
        assertText(`a fresh ${client} client after the restart`, textOf(peer.doc), text);
        assertIdentical(`a fresh ${client} client after the restart`, peer.doc, reference);
      } finally {
        peer.close();
        peer.doc.destroy();
      }
    }
    await relay.stop();
    return { stopMs, head, folderBytes: bytes, opens };
  } finally {
    if (relay.end === null) await relay.kill();
  }
}

/**
 * Everybody has left: the relay unloads the document, which compacts what is left of its log. That shows in its bytes,
 * which are then those of the snapshot alone.
 */
async function compacted(api: RelayApi, name: string): Promise<void> {
  const { bytes } = await api.info(name);
  const deadline = performance.now() + compactionMsMax;
  while (performance.now() < deadline) {
    await sleep(100);
    if ((await api.info(name)).bytes !== bytes) return;
  }
}

function bothOf(peers: readonly Peer[]): [writer: Peer, reader: Peer] {
  const [writer, reader] = peers;
  if (writer === undefined || reader === undefined) throw new Error('a sequential trace is played with two peers');
  return [writer, reader];
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
