import type { RefusedError } from '../base/errors.ts';
import type { HocuspocusServerMessage } from '../protocol/dialects/hocuspocus.ts';
import type { Limits } from '../protocol/limits.ts';
import type { StateVector } from '../update/state-vector.ts';

/** Those limits that a session holds. */
export type HocuspocusSessionLimits = Pick<
  Limits,
  'updateBytesMax' | 'messageBytesMax' | 'documentsPerConnectionMax' | 'connectionTimeoutMs'
>;

/** One document on a connection, from its first message to its end; the same object in every output about it. */
export interface HocuspocusChannel {
  /** As the provider gave it; whatever is sent about the channel carries it. */
  readonly address: string;
  readonly document: string;
}

/** An update to be stored, and what its provider is told when it is. */
export interface HocuspocusReceipt {
  readonly channel: HocuspocusChannel;
  readonly update: Uint8Array;
  /** How many SyncStatus it is worth. */
  readonly acks: number;
  /** It answers a step 1 of ours, so that asking again would bring nothing more. */
  readonly everything: boolean;
}

/** What the session asks of its driver. */
export type HocuspocusOutput =
  | { readonly kind: 'send'; readonly message: HocuspocusServerMessage }
  /** Ask the authorizer; answer with `granted` or `refused`. */
  | { readonly kind: 'authorize'; readonly channel: HocuspocusChannel; readonly token: string }
  /** Load, and answer with `serve`, and the first time with `joined` behind it. */
  | { readonly kind: 'catch-up'; readonly channel: HocuspocusChannel; readonly stateVector: StateVector }
  /** Answer with `ask`. */
  | { readonly kind: 'ask'; readonly channel: HocuspocusChannel }
  /** Scan and store; answer with `stored`, `missing`, `putOff` or `readOnly`. */
  | { readonly kind: 'store'; readonly receipt: HocuspocusReceipt }
  | { readonly kind: 'awareness'; readonly channel: HocuspocusChannel; readonly update: Uint8Array }
  | { readonly kind: 'tell-awareness'; readonly channel: HocuspocusChannel }
  | { readonly kind: 'stateless'; readonly channel: HocuspocusChannel; readonly payload: string }
  | { readonly kind: 'leave'; readonly channel: HocuspocusChannel }
  /** A WebSocket ping. */
  | { readonly kind: 'ping' }
  | { readonly kind: 'close'; readonly closeCode: number; readonly error: RefusedError };
