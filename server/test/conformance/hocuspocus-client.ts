/** A stock Hocuspocus provider of any major, on a socket of its own or on a shared one. */
import * as major4 from '@hocuspocus/provider';
import * as major2 from 'hocuspocus-provider-2';
import * as major3 from 'hocuspocus-provider-3';
import type { Awareness } from 'y-protocols/awareness';
import * as Y from 'yjs';
import { until } from '../support/wait.ts';
import type { Client, ClientOptions } from './client.ts';
import { QuietWebSocket } from './quiet-web-socket.ts';

export const hocuspocusMajors = { 4: major4, 3: major3, 2: major2 } as const;

export type HocuspocusMajor = keyof typeof hocuspocusMajors;

/** Reconnects quickly, so that a test does not wait for it. */
const quick = { WebSocketPolyfill: QuietWebSocket, delay: 50, minDelay: 50, maxDelay: 200, jitter: false } as const;

/** A socket that several providers share. */
export function hocuspocusSocket(major: HocuspocusMajor, url: string): major4.HocuspocusProviderWebsocket {
  return new hocuspocusMajors[major].HocuspocusProviderWebsocket({ ...quick, url });
}

export interface HocuspocusOptions extends Omit<ClientOptions, 'token'> {
  readonly token?: string | (() => string);
  readonly socket?: major4.HocuspocusProviderWebsocket;
  readonly sessionAwareness?: boolean;
  readonly flushDelay?: number;
  /** Major 2 sends no token at all when it is null. */
  readonly nullToken?: boolean;
}

export class HocuspocusClient implements Client {
  readonly kind: string;
  readonly doc: Y.Doc;
  readonly socket: major4.HocuspocusProviderWebsocket;
  readonly provider: major4.HocuspocusProvider;
  /** What the application was told, in order. */
  readonly events: string[] = [];
  /** Values of the counter of unsynced changes, in order. */
  readonly counts: number[] = [];
  readonly closes: { readonly code: number; readonly reason: string }[] = [];
  readonly stateless: string[] = [];
  readonly #ownsSocket: boolean;
  #refusal = '';

  constructor(major: HocuspocusMajor, { url, name, token = '', doc, ...options }: HocuspocusOptions) {
    this.kind = `hocuspocus ${major}`;
    this.doc = doc ?? new Y.Doc();
    this.#ownsSocket = options.socket === undefined;
    this.socket = options.socket ?? hocuspocusSocket(major, url);
    this.provider = new hocuspocusMajors[major].HocuspocusProvider({
      websocketProvider: this.socket,
      name,
      document: this.doc,
      token: options.nullToken === true ? null : token,
      ...(options.sessionAwareness === undefined ? {} : { sessionAwareness: options.sessionAwareness }),
      ...(options.flushDelay === undefined ? {} : { flushDelay: options.flushDelay }),
    });
    this.provider.on('authenticated', () => this.events.push(`authenticated ${this.provider.authorizedScope}`));
    this.provider.on('authenticationFailed', ({ reason }: { reason: string }) => {
      this.events.push(`authenticationFailed ${reason}`);
      this.#refusal = reason;
    });
    this.provider.on('synced', ({ state }: { state: boolean }) => {
      if (state) this.events.push('synced');
    });
    this.provider.on('unsyncedChanges', (value: number | { number: number }) =>
      this.counts.push(typeof value === 'number' ? value : value.number),
    );
    this.provider.on('close', ({ event }: { event: { code: number; reason: string } }) => {
      this.closes.push({ code: event.code, reason: event.reason });
      if (event.reason !== '') this.#refusal = event.reason;
    });
    this.provider.on('stateless', ({ payload }: { payload: string }) => this.stateless.push(payload));
    this.provider.attach?.();
  }

  get awareness(): Awareness {
    if (this.provider.awareness === null) throw new Error('this provider has no awareness');
    return this.provider.awareness;
  }

  get isSynced(): boolean {
    return this.provider.synced;
  }

  get isSaved(): boolean {
    return !this.provider.hasUnsyncedChanges;
  }

  get refusal(): string {
    return this.#refusal;
  }

  async goOffline(): Promise<void> {
    this.socket.disconnect();
    await until(`${this.kind} to be offline`, () => this.socket.status === 'disconnected' && !this.provider.synced);
  }

  goOnline(): void {
    void this.socket.connect();
  }

  onLost(lost: () => void): void {
    this.provider.on('close', lost);
  }

  destroy(): void {
    this.provider.destroy();
    if (!this.#ownsSocket) return;
    this.socket.destroy();
    // Major 3 does not call off a reconnect that is due when it is destroyed, and goes on forever.
    this.socket.connect = () => Promise.resolve();
  }
}
