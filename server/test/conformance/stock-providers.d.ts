// The stock providers as the suite uses them. Their packages name their types where the compiler does not look for them,
// and major 2 and 3 come under aliases.

declare module 'y-websocket-2' {
  export { WebsocketProvider } from 'y-websocket';
}

declare module '@hocuspocus/provider' {
  import type { Awareness } from 'y-protocols/awareness';
  import type { WebSocket } from 'ws';
  import type { Doc } from 'yjs';

  interface SocketOptions {
    url: string;
    WebSocketPolyfill: new (url: string) => WebSocket;
    /** Milliseconds between attempts. */
    delay?: number;
    minDelay?: number;
    maxDelay?: number;
    jitter?: boolean;
    messageReconnectTimeout?: number;
    preserveTrailingSlash?: boolean;
    /** Major 2 only. */
    parameters?: Record<string, string>;
  }

  export class HocuspocusProviderWebsocket {
    constructor(options: SocketOptions);
    status: string;
    webSocket: WebSocket | null;
    connect(): Promise<unknown>;
    disconnect(): void;
    destroy(): void;
    on(event: string, listener: (data: never) => void): void;
  }

  interface ProviderOptions {
    websocketProvider: HocuspocusProviderWebsocket;
    name: string;
    document: Doc;
    token?: string | (() => string | Promise<string>) | null;
    awareness?: Awareness | null;
    /** Major 4 only. */
    sessionAwareness?: boolean;
    flushDelay?: number;
    forceSyncInterval?: number;
  }

  export class HocuspocusProvider {
    constructor(options: ProviderOptions);
    readonly document: Doc;
    readonly awareness: Awareness | null;
    readonly synced: boolean;
    readonly isAuthenticated: boolean;
    readonly authorizedScope: string | undefined;
    readonly unsyncedChanges: number;
    readonly hasUnsyncedChanges: boolean;
    /** From major 3 on; major 2 attaches by itself. */
    attach?(): void;
    /** From major 3 on. */
    detach?(): void;
    /** From major 3 on. */
    sendToken?(): Promise<void>;
    /** From major 3 on. */
    startSync?(): void;
    forceSync(): void;
    setAwarenessField(key: string, value: unknown): void;
    sendStateless(payload: string): void;
    setConfiguration(options: Partial<ProviderOptions>): void;
    destroy(): void;
    on(event: string, listener: (data: never) => void): void;
  }
}

declare module 'hocuspocus-provider-3' {
  export { HocuspocusProvider, HocuspocusProviderWebsocket } from '@hocuspocus/provider';
}

declare module 'hocuspocus-provider-2' {
  export { HocuspocusProvider, HocuspocusProviderWebsocket } from '@hocuspocus/provider';
}
