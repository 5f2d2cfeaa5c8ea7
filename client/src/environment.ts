import { type Clock, type Random } from '@tideweave/shared';
import type { CopyReaders } from './copy-state.ts';
import type { DeviceCopies } from './relay/device-copy.ts';
import { systemClock, systemRandom } from './clock.ts';
import { watchNetwork } from './network.ts';
import type { TabsPlatform } from './tabs/platform.ts';
import {
  type Transport,
  type TransportEvents,
  type WebSocketClass,
  WebSocketTransport,
  platformWebSocket,
} from './transport/websocket-transport.ts';

/** What a client needs of the world around it: the platform's, or that of a simulator. */
export interface ClientEnvironment {
  readonly clock: Clock;
  /** Chance for the jitter of reconnects. */
  readonly random: Random;
  /** Begins to connect to the relay; rejects when there is no way to try. */
  connect(events: TransportEvents): Promise<Transport>;
  /** Calls `wake` when a connection may work now; returns what stops it. */
  watchNetwork(wake: () => void): () => void;
  /** What reads copies to compare them (C1); asked before the first attempt to connect, so that it can be loaded then. */
  copyReaders(): Promise<CopyReaders>;
  /** What follows a session on the device; asked when there is a store, so that it can be loaded then. */
  deviceCopies(): Promise<DeviceCopies>;
  /** How tabs find each other; default the browser's way. */
  readonly tabs?: TabsPlatform;
}

/** Real time, real chance and a WebSocket to `url`. */
export function platformEnvironment(url: string, webSocketClass: WebSocketClass | undefined): ClientEnvironment {
  return {
    clock: systemClock,
    random: systemRandom,
    watchNetwork,
    copyReaders: () => import('./copy-state.ts'),
    deviceCopies: () => import('./relay/device-copy.ts'),
    async connect(events) {
      return new WebSocketTransport(webSocketClass ?? (await platformWebSocket()), url, events);
    },
  };
}
