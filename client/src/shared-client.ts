import { SyncClient, type SyncClientOptions } from './sync-client.ts';

/** What two providers must agree on to share a connection. */
export type SharedClientOptions = Omit<SyncClientOptions, 'connect'>;

/** Those that a further provider may join. */
const joinable = new Set<SharedClient>();

/** A client that the providers of one address use together, and that ends with the last of them. */
export class SharedClient {
  readonly client: SyncClient;
  readonly #options: SharedClientOptions;
  readonly #share: boolean;
  #users = 0;

  private constructor(options: SharedClientOptions, share: boolean) {
    this.client = new SyncClient({ ...options, connect: false });
    this.#options = options;
    this.#share = share;
    this.offer();
  }

  /** A client for one more user; one that others use already, unless `share` is false or it has the document open. */
  static join(options: SharedClientOptions, document: string, share: boolean): SharedClient {
    const found = share ? Array.from(joinable).find((shared) => shared.#suits(options, document)) : undefined;
    const shared = found ?? new SharedClient(options, share);
    shared.#users++;
    return shared;
  }

  /** Whether nobody else uses the connection. */
  get isAlone(): boolean {
    return this.#users === 1;
  }

  /** Lets nobody join any more: the connection is about to be left without its documents being closed. */
  withdraw(): void {
    joinable.delete(this);
  }

  /** Lets others join again. */
  offer(): void {
    if (this.#share) joinable.add(this);
  }

  /** One user less. The client ends with the turn, so that who takes the place at once (React's StrictMode) finds it. */
  leave(): void {
    this.#users--;
    queueMicrotask(() => {
      if (this.#users > 0) return;
      this.withdraw();
      this.client.destroy();
    });
  }

  #suits(options: SharedClientOptions, document: string): boolean {
    const names = Object.keys({ ...this.#options, ...options }) as (keyof SharedClientOptions)[];
    const isSame = names.every((name) => this.#options[name] === options[name]);
    return isSame && !this.client.documents.has(document);
  }
}
