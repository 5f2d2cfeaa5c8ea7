import { type ConnectionState, RefusedError, type RefusalStatus, nameBytesMax } from '@tideweave/shared';
import type { DocumentClient, LinkedDocument } from '../document-client.ts';
import type { ClientEnvironment } from '../environment.ts';
import type { OfflineStore } from '../store/offline-store.ts';
import type { Token } from '../token.ts';
import type { MergeDesk, MergeReporting } from '../merge/merge-desk.ts';
import { RelayDocument } from './relay-document.ts';
import { SessionDriver } from './session-driver.ts';

export interface RelayClientOptions {
  readonly environment: ClientEnvironment;
  readonly token: Token | undefined;
  readonly device: string;
  readonly store: OfflineStore | Promise<OfflineStore> | undefined;
  /** Bytes that may be on their way without an acknowledgement; default what suits a network. */
  readonly inFlightBytesMax?: number | undefined;
  readonly merges?: MergeReporting | undefined;
  /** The connection, or the status of any document, changed. */
  readonly changed: () => void;
}

/** Keeps documents in sync over one connection of this client's own. */
export class RelayClient implements DocumentClient {
  readonly #options: RelayClientOptions;
  readonly #driver: SessionDriver;
  readonly #desk: MergeDesk | null;
  readonly #documents = new Map<string, RelayDocument>();

  /** Throws `RefusedError` TW_TOO_LARGE when `device` is too long. */
  constructor(options: RelayClientOptions) {
    this.#options = options;
    const { environment, token, device, inFlightBytesMax, merges } = options;
    this.#desk = merges?.(environment.clock) ?? null;
    this.#driver = new SessionDriver({
      environment,
      token,
      device,
      inFlightBytesMax,
      readStateVector: (name) => this.#document(name).stateVector(),
      readDifference: (name, stateVector) => this.#document(name).difference(stateVector),
      readCopy: (name, reader) => this.#document(name).read(reader),
      listener: {
        document: (output) => this.#documents.get(output.name)?.perform(output),
        changed: (names) => this.#changed(names),
      },
    });
  }

  get connection(): ConnectionState {
    return this.#driver.session.connection;
  }

  get error(): RefusalStatus | null {
    return this.#driver.session.error;
  }

  connect(): void {
    this.#driver.start();
  }

  disconnect(): void {
    this.#driver.stop();
  }

  link(document: LinkedDocument): RelayDocument {
    const { name } = document;
    checkName(name);
    const link = new RelayDocument(
      this.#driver,
      () => this.#options.environment.deviceCopies(),
      document,
      this.#desk?.follow(document, this.#driver) ?? null,
      () => this.#documents.delete(name),
    );
    this.#documents.set(name, link);
    link.open(this.#options.store);
    return link;
  }

  destroy(): void {
    this.#driver.destroy();
    this.#desk?.close();
  }

  #changed(names: ReadonlySet<string>): void {
    for (const name of names) this.#documents.get(name)?.document.statusChanged();
    this.#options.changed();
  }

  #document(name: string): LinkedDocument {
    const link = this.#documents.get(name);
    if (link === undefined) throw new Error(`document ${JSON.stringify(name)} is not open`);
    return link.document;
  }
}

/** Before anything is made of it: with a store the session hears of the name only later. */
function checkName(name: string): void {
  if (name !== '' && new TextEncoder().encode(name).length <= nameBytesMax) return;
  throw new RefusedError('TW_INVALID_NAME', `a document name is 1 to ${nameBytesMax} bytes of Unicode`);
}
