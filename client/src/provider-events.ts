import type { DocumentStatus, RefusalStatus } from '@tideweave/shared';

/**
 * Events of a provider with the arguments of their listeners; the names, the order and the arguments are those of
 * y-websocket, whose listeners take more than one argument.
 */
export interface ProviderEvents<Provider, Doc> {
  /** Whether everything that the relay had is here; told anew to who subscribes while it is. */
  sync: [isSynced: boolean];
  /** The same as `sync`, under its older name. */
  synced: [isSynced: boolean];
  /** The connection; told anew to who subscribes while it is there. */
  status: [event: { status: ConnectionStatus }];
  /** Everything about the document that is worth showing changed: `provider.status`. */
  details: [status: DocumentStatus];
  /** The document changed, here or elsewhere. */
  update: [update: Uint8Array, origin: unknown];
  /** Another document has taken the place of this one. Not emitted yet: bindings subscribe to it. */
  reload: [doc: Doc];
  /** Everything made here is durable on the relay. */
  saved: [provider: Provider];
  /** The relay refused something; `action` says what to do next. */
  refused: [error: RefusalStatus];
  /** The relay refused the document for good; `code` is the WebSocket close code of the reason. */
  closed: [event: { code: number; reason: string }, provider: Provider];
  /** A connection, or an attempt at one, ended. The event is null: it belongs to a socket that documents share. */
  'connection-close': [event: CloseEvent | null, provider: Provider];
  /** An attempt to connect failed. */
  'connection-error': [event: Event, provider: Provider];
  destroy: [provider: Provider];
}

export type ConnectionStatus = 'connected' | 'connecting' | 'disconnected';

/** Typed events with several arguments. A listener that throws keeps nobody else from being called. */
export abstract class ProviderEmitter<Events extends Record<keyof Events, readonly unknown[]>> {
  /** By event: the listeners, and whether each is called only once. */
  readonly #listeners = new Map<keyof Events, Map<unknown, boolean>>();

  on<Name extends keyof Events>(event: Name, listener: (...args: Events[Name]) => void): void {
    this.#add(event, listener, false);
  }

  once<Name extends keyof Events>(event: Name, listener: (...args: Events[Name]) => void): void {
    this.#add(event, listener, true);
  }

  off<Name extends keyof Events>(event: Name, listener: (...args: Events[Name]) => void): void {
    this.#listeners.get(event)?.delete(listener);
  }

  /** What a listener is told that subscribes after the fact; null for nothing. */
  protected abstract latest(event: keyof Events): Events[keyof Events] | null;

  protected emit<Name extends keyof Events>(event: Name, ...args: Events[Name]): void {
    // A copy: whoever subscribes in answer to an event does not hear of that one.
    const listeners = Array.from(this.#listeners.get(event)?.keys() ?? []);
    for (const listener of listeners) this.#tell(event, listener, args);
  }

  protected removeListeners(): void {
    this.#listeners.clear();
  }

  #add(event: keyof Events, listener: unknown, once: boolean): void {
    let listeners = this.#listeners.get(event);
    if (listeners === undefined) {
      listeners = new Map();
      this.#listeners.set(event, listeners);
    }
    listeners.set(listener, once);
    if (this.latest(event) === null) return;
    queueMicrotask(() => {
      const args = this.latest(event);
      if (args !== null) this.#tell(event, listener, args);
    });
  }

  #tell(event: keyof Events, listener: unknown, args: readonly unknown[]): void {
    const listeners = this.#listeners.get(event);
    const once = listeners?.get(listener);
    // Taken off by another listener meanwhile.
    if (once === undefined) return;
    if (once) listeners?.delete(listener);
    try {
      (listener as (...values: readonly unknown[]) => void)(...args);
    } catch (error) {
      // As an event target does it: the error is the application's, and not lost.
      queueMicrotask(() => {
        throw error;
      });
    }
  }
}
