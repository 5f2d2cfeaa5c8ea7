/** A network between one device and the relay that can be bad, as a WebSocket class for the client. */
import type { WebSocketClass } from '@tideweave/client';
import { Observable } from './observable.ts';

/** How bad it is, in each direction. */
export interface Conditions {
  readonly isOffline: boolean;
  /** One way, milliseconds. */
  readonly latencyMs: number;
  /** Bits per second; 0 does not limit. */
  readonly bitsPerSecond: number;
  /** Chance of a packet to be lost, 0 to 1. TCP sends it again: what comes of it is delay, for all that is behind it. */
  readonly loss: number;
}

const perfect: Conditions = { isOffline: false, latencyMs: 0, bitsPerSecond: 0, loss: 0 };

/** Hears every frame when it leaves the device or arrives there. */
export type FrameListener = (direction: 'up' | 'down', frame: Uint8Array) => void;

export class Network {
  readonly conditions: Observable<Conditions> = new Observable(perfect);
  readonly #sockets = new Set<NetworkSocket>();
  /** For the client's option of that name. */
  readonly WebSocket: WebSocketClass;

  constructor(heard: FrameListener) {
    const { conditions } = this;
    const sockets = this.#sockets;
    this.WebSocket = class extends NetworkSocket {
      constructor(url: string, protocols: string) {
        super(url, protocols, conditions, heard);
        sockets.add(this);
        this.addEventListener('close', () => sockets.delete(this));
      }
    };
  }

  change(part: Partial<Conditions>): void {
    const before = this.conditions.value;
    this.conditions.value = { ...before, ...part };
    if (part.isOffline === true) for (const socket of this.#sockets) socket.cut();
    // As a browser tells a page whose network is back: the client tries at once.
    if (part.isOffline === false && before.isOffline) globalThis.dispatchEvent(new Event('online'));
  }
}

/** One direction of a connection: what goes in comes out later, in order. */
class Pipe {
  readonly #conditions: Observable<Conditions>;
  readonly #out: (frame: Uint8Array<ArrayBuffer>) => void;
  #isFreeAtMs = 0;
  #lastMs = 0;
  #isCut = false;

  constructor(conditions: Observable<Conditions>, out: (frame: Uint8Array<ArrayBuffer>) => void) {
    this.#conditions = conditions;
    this.#out = out;
  }

  put(frame: Uint8Array<ArrayBuffer>): void {
    const { latencyMs, bitsPerSecond, loss } = this.#conditions.value;
    const now = performance.now();
    const sentMs = bitsPerSecond > 0 ? (frame.length * 8000) / bitsPerSecond : 0;
    this.#isFreeAtMs = Math.max(now, this.#isFreeAtMs) + sentMs;
    this.#lastMs = Math.max(this.#lastMs, this.#isFreeAtMs + latencyMs + delayOfLosses(frame.length, loss, latencyMs));
    if (this.#lastMs <= now) this.#out(frame);
    else setTimeout(() => this.#isCut || this.#out(frame), this.#lastMs - now);
  }

  cut(): void {
    this.#isCut = true;
  }
}

const packetBytes = 1400;
/** What TCP waits at least before it sends again. */
const retransmissionMsMin = 200;
const retransmissionsMax = 6;

/** The packets travel together: the one that was lost most often decides. */
function delayOfLosses(bytes: number, loss: number, latencyMs: number): number {
  let worst = 0;
  const packets = loss > 0 ? Math.ceil(bytes / packetBytes) : 0;
  for (let packet = 0; packet < packets; packet++) {
    let waitedMs = 0;
    let timeoutMs = Math.max(retransmissionMsMin, 3 * latencyMs);
    for (let tries = 0; tries < retransmissionsMax && Math.random() < loss; tries++) {
      waitedMs += timeoutMs;
      timeoutMs *= 2;
    }
    worst = Math.max(worst, waitedMs);
  }
  return worst;
}

class NetworkSocket implements InstanceType<WebSocketClass> {
  binaryType = 'arraybuffer';
  readonly OPEN: number = WebSocket.OPEN;
  readonly #events: EventTarget = new EventTarget();
  readonly #socket: WebSocket | null;
  readonly #up: Pipe;
  readonly #down: Pipe;
  readonly #heard: FrameListener;
  #state: number = WebSocket.CONNECTING;

  constructor(url: string, protocols: string, conditions: Observable<Conditions>, heard: FrameListener) {
    this.#heard = heard;
    this.#up = new Pipe(conditions, (frame) => {
      if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(frame);
    });
    this.#down = new Pipe(conditions, (frame) => {
      if (this.#state !== WebSocket.OPEN) return;
      heard('down', frame);
      this.#events.dispatchEvent(new MessageEvent('message', { data: frame.buffer }));
    });
    const { isOffline, latencyMs } = conditions.value;
    if (isOffline) {
      this.#socket = null;
      setTimeout(() => this.cut(), 0);
      return;
    }
    this.#socket = new WebSocket(url, protocols);
    this.#socket.binaryType = 'arraybuffer';
    this.#socket.addEventListener('open', () => setTimeout(() => this.#opened(), 2 * latencyMs));
    this.#socket.addEventListener('message', ({ data }: MessageEvent<unknown>) => {
      if (data instanceof ArrayBuffer) this.#down.put(new Uint8Array(data));
    });
    // What the relay said last is still on its way.
    this.#socket.addEventListener('close', () => setTimeout(() => this.cut(), conditions.value.latencyMs));
  }

  get readyState(): number {
    return this.#state;
  }

  addEventListener(type: 'open' | 'close' | 'error', listener: () => void): void;
  addEventListener(type: 'message', listener: (event: { readonly data: unknown }) => void): void;
  addEventListener(type: string, listener: (event: { readonly data: unknown }) => void): void {
    this.#events.addEventListener(type, (event) => listener({ data: event instanceof MessageEvent && event.data }));
  }

  send(frame: Uint8Array<ArrayBuffer>): void {
    if (this.#state !== WebSocket.OPEN) return;
    this.#heard('up', frame);
    this.#up.put(frame);
  }

  close(): void {
    this.cut();
  }

  /** Ends at once; what is on its way is lost. */
  cut(): void {
    if (this.#state === WebSocket.CLOSED) return;
    this.#state = WebSocket.CLOSED;
    this.#up.cut();
    this.#down.cut();
    this.#socket?.close();
    this.#events.dispatchEvent(new Event('close'));
  }

  #opened(): void {
    if (this.#state !== WebSocket.CONNECTING) return;
    this.#state = WebSocket.OPEN;
    this.#events.dispatchEvent(new Event('open'));
  }
}
