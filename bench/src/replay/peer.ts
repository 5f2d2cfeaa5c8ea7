/**
 * One device on a connection of its own: ours or a stock y-websocket provider, behind one face, with its traffic counted.
 */
import { SyncClient } from '@tideweave/client';
import { type ClientOptions, WebSocket } from 'ws';
import { WebsocketProvider } from 'y-websocket';
import * as Y from 'yjs';
import { ReplayError } from './errors.ts';
import type { RelayApi } from './relay-process.ts';

export type ClientKind = 'tideweave' | 'y-websocket';

/** WebSocket messages and the bytes in them, without the frames' own 2 to 14 bytes. */
export interface Traffic {
  sentFrames: number;
  sentBytes: number;
  receivedFrames: number;
  receivedBytes: number;
}

export interface PeerOptions {
  readonly url: string;
  readonly name: string;
  readonly doc: Y.Doc;
  readonly api: RelayApi;
}

export interface Peer {
  readonly kind: ClientKind;
  readonly doc: Y.Doc;
  readonly traffic: Readonly<Traffic>;
  /** How often the connection was lost or refused. */
  readonly troubles: number;
  /** Everything the relay has is here. */
  whenSynced(): Promise<void>;
  /** Everything typed here is durable on the relay. Of a stock client this may only be asked when the relay has it all. */
  whenDurable(): Promise<void>;
  /** May be called again. */
  close(): void;
}

export const textName: string = 'text';

export function textOf(doc: Y.Doc): string {
  return doc.getText(textName).toJSON();
}

export function connectPeer(kind: ClientKind, options: PeerOptions): Peer {
  return kind === 'tideweave' ? new TideweavePeer(options) : new StockPeer(options);
}

class TideweavePeer implements Peer {
  readonly kind = 'tideweave';
  readonly doc: Y.Doc;
  readonly traffic: Traffic = noTraffic();
  readonly #client: SyncClient;
  readonly #handle: ReturnType<SyncClient['open']>;
  #troubles = 0;
  #wasConnected = false;

  constructor({ url, name, doc }: PeerOptions) {
    this.doc = doc;
    this.#client = new SyncClient({ url, WebSocket: countingWebSocket(this.traffic) });
    this.#client.on('status', ({ connection }) => {
      if (this.#wasConnected && connection !== 'connected') this.#troubles++;
      this.#wasConnected = connection === 'connected';
    });
    this.#handle = this.#client.open(name, { doc });
    this.#handle.on('refused', () => this.#troubles++);
  }

  get troubles(): number {
    return this.#troubles;
  }

  whenSynced(): Promise<void> {
    return this.#handle.whenSynced();
  }

  whenDurable(): Promise<void> {
    return this.#handle.whenSaved({ tier: 'server' });
  }

  close(): void {
    this.#client.destroy();
  }
}

class StockPeer implements Peer {
  readonly kind = 'y-websocket';
  readonly doc: Y.Doc;
  readonly traffic: Traffic = noTraffic();
  readonly #provider: WebsocketProvider;
  readonly #name: string;
  readonly #api: RelayApi;
  #lastOwn: Uint8Array | null = null;
  #troubles = 0;

  constructor({ url, name, doc, api }: PeerOptions) {
    this.doc = doc;
    this.#name = name;
    this.#api = api;
    this.#provider = new WebsocketProvider(url, name, doc, {
      disableBc: true,
      WebSocketPolyfill: countingWebSocket(this.traffic),
    });
    this.#provider.on('connection-close', (event) => {
      // Null is a close of our own.
      if (event !== null) this.#troubles++;
    });
    doc.on('update', (update: Uint8Array, origin: unknown) => {
      if (origin !== this.#provider) this.#lastOwn = update;
    });
  }

  get troubles(): number {
    return this.#troubles;
  }

  whenSynced(): Promise<void> {
    if (this.#provider.synced) return Promise.resolve();
    return new Promise((resolve) => {
      this.#provider.on('sync', (synced) => {
        if (synced) resolve();
      });
    });
  }

  async whenDurable(): Promise<void> {
    if (this.#lastOwn !== null) await this.#api.whenDurable(this.#name, this.#lastOwn);
  }

  close(): void {
    this.#provider.destroy();
    // The provider leaves the timer of the awareness that it made.
    this.#provider.awareness.destroy();
  }
}

export function noTraffic(): Traffic {
  return { sentFrames: 0, sentBytes: 0, receivedFrames: 0, receivedBytes: 0 };
}

/** Node 20 has no WebSocket of its own; both clients take this one, which adds up what passes. */
export function countingWebSocket(traffic: Traffic): typeof globalThis.WebSocket {
  class CountingWebSocket extends WebSocket {
    constructor(url: string | URL, protocols?: string | string[], options?: ClientOptions) {
      super(url, protocols, options);
      this.on('message', (data) => {
        traffic.receivedFrames++;
        traffic.receivedBytes += Array.isArray(data) ? 0 : data.byteLength;
      });
    }

    override send(data: Uint8Array): void {
      traffic.sentFrames++;
      traffic.sentBytes += data.byteLength;
      super.send(data);
    }
  }
  // Both clients use what the two have in common.
  return CountingWebSocket as unknown as typeof globalThis.WebSocket;
}

/** Throws `ReplayError` unless both documents hold the same structs and deletions, which is more than the same text. */
export function assertIdentical(what: string, actual: Y.Doc, expected: Y.Doc): void {
  if (Y.equalSnapshots(Y.snapshot(actual), Y.snapshot(expected))) return;
  throw new ReplayError(`${what}: ${describeDifference(actual, expected)}`);
}

/** Throws `ReplayError` with the place of the first difference. */
export function assertText(what: string, actual: string, expected: string): void {
  if (actual === expected) return;
  let at = 0;
  while (actual[at] === expected[at]) at++;
  const show = (text: string): string => JSON.stringify(text.slice(Math.max(0, at - 20), at + 20));
  throw new ReplayError(
    `${what} has another text: ${actual.length} instead of ${expected.length} characters, first difference at ${at}: ${show(actual)} instead of ${show(expected)}`,
  );
}

function describeDifference(actual: Y.Doc, expected: Y.Doc): string {
  const has = Y.snapshot(actual);
  const wants = Y.snapshot(expected);
  const clocks = [...new Set([...has.sv.keys(), ...wants.sv.keys()])]
    .filter((client) => has.sv.get(client) !== wants.sv.get(client))
    .map((client) => `client ${client} at ${has.sv.get(client) ?? 0} instead of ${wants.sv.get(client) ?? 0}`);
  return clocks.length > 0 ? clocks.join(', ') : 'all that was typed is there, but other things are deleted';
}
