import type { ConnectionState, RefusalStatus } from '@tideweave/shared';
import type { DocumentClient, LinkedDocument } from '../document-client.ts';
import type { ClientEnvironment } from '../environment.ts';
import { RelayClient, type RelayClientOptions } from '../relay/relay-client.ts';
import type { Transport, TransportEvents } from '../transport/websocket-transport.ts';
import type { ClientFacts, LinkMessage } from './messages.ts';
import type { StartOptions } from './start.ts';
import { TabDocument } from './tab-document.ts';
import type { TabsNode } from './tabs-node.ts';

export type TabsClientOptions = Omit<StartOptions, 'wake'> & Pick<RelayClientOptions, 'changed'>;

/**
 * Keeps documents in sync over the one connection that the tabs of a browser share. For its session the tab that leads is
 * the relay; what that tab says of the real one is laid over what the session says.
 */
export class TabsClient implements DocumentClient {
  readonly #options: TabsClientOptions;
  readonly #client: RelayClient;
  readonly #documents = new Map<string, TabDocument>();
  /** Loaded when it is first needed; null before, and when that failed. */
  #starting: Promise<TabsNode> | null = null;
  #node: TabsNode | null = null;
  #facts: ClientFacts | null = null;
  #wake: () => void = () => undefined;
  #isWanted = false;

  constructor(options: TabsClientOptions) {
    this.#options = options;
    const { clock, random } = options.environment;
    const environment: ClientEnvironment = {
      clock,
      random,
      copyReaders: () => options.environment.copyReaders(),
      deviceCopies: () => options.environment.deviceCopies(),
      connect: (events: TransportEvents) => this.#connect(events),
      // The leader's connection is watched by the leader.
      watchNetwork: (wake: () => void) => {
        this.#wake = wake;
        return () => undefined;
      },
    };
    const { changed } = options;
    // Neither token nor store nor merge reports: they are the leader's.
    const ownerless = { token: undefined, device: '', store: undefined } as const;
    // All of it at once: what has not got to the leader is safe nowhere.
    this.#client = new RelayClient({ ...ownerless, environment, changed, inFlightBytesMax: Infinity });
  }

  get connection(): ConnectionState {
    const own = this.#client.connection;
    return own === 'connected' ? (this.#facts?.connection ?? 'connecting') : own;
  }

  get error(): RefusalStatus | null {
    return this.#client.error ?? this.#facts?.error ?? null;
  }

  connect(): void {
    this.#isWanted = true;
    this.#client.connect();
    this.#node?.post({ type: 'connect' });
  }

  disconnect(): void {
    this.#isWanted = false;
    this.#client.disconnect();
    this.#lost();
    this.#node?.leave();
  }

  link(document: LinkedDocument): TabDocument {
    const { name } = document;
    const link = new TabDocument(document, this.#options.environment.clock, {
      link: (inner) => this.#client.link(inner),
      post: (message) => this.#node?.post(message),
      hasMerges: this.#options.merges !== undefined,
      closed: () => this.#documents.delete(name),
    });
    this.#documents.set(name, link);
    return link;
  }

  destroy(): void {
    this.#isWanted = false;
    this.#client.destroy();
    this.#node?.destroy();
  }

  async #connect(events: TransportEvents): Promise<Transport> {
    this.#starting ??= this.#start();
    let node: TabsNode;
    try {
      node = await this.#starting;
    } catch (error) {
      this.#starting = null;
      throw error;
    }
    if (!this.#isWanted) throw new Error('nobody wants to be connected any more');
    return node.connect({
      opened: events.opened,
      received: events.received,
      closed: () => {
        events.closed();
        this.#lost();
      },
      told: (message) => this.#told(message),
    });
  }

  async #start(): Promise<TabsNode> {
    const { startTabs } = await import('./start.ts');
    this.#node = await startTabs({ ...this.#options, wake: () => this.#wake() });
    return this.#node;
  }

  #told(message: LinkMessage): void {
    if (message.type === 'client') {
      this.#facts = message.facts;
      this.#options.changed();
      return;
    }
    if (!('name' in message)) return;
    const document = this.#documents.get(message.name);
    if (document === undefined) return;
    if (message.type === 'document') document.told(message.facts);
    else if (message.type === 'refused') document.refused(message.error);
    else if (message.type === 'diverged') document.diverged(message.divergence);
    else if (message.type === 'storefailed') document.storeFailed(new Error(message.reason));
    else if (message.type === 'merges') document.merges?.told(message);
    else if (message.type === 'settled') document.merges?.settledThere();
    this.#options.changed();
  }

  /** Nobody leads, or nobody is asked: what was said holds no longer. */
  #lost(): void {
    this.#facts = null;
    for (const document of this.#documents.values()) document.lost();
  }
}
