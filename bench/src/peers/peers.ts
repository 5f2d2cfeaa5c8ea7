/** Who is measured: how each server is started, and what is spoken with it. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { DialectName } from '../load/participant.ts';

export type PeerName = 'tideweave' | 'tideweave-stock' | 'bare' | 'hocuspocus' | 'y-websocket' | 'automerge';

export interface Peer {
  readonly name: PeerName;
  readonly title: string;
  readonly dialect: DialectName;
  readonly isOurs: boolean;
  /** Has what it took after a restart. */
  readonly stores: boolean;
  /** Tells a client that its update was taken. */
  readonly acknowledges: boolean;
  readonly launch: (
    port: number,
    folder: string,
  ) => { readonly args: readonly string[]; readonly env?: Readonly<Record<string, string>> };
}

const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url));

const serveOurs: Peer['launch'] = (port, folder) => ({
  args: [
    fileURLToPath(new URL('main.js', import.meta.resolve('@tideweave/server'))),
    'serve',
    '--port',
    String(port),
    '--data',
    folder,
    '--log-level',
    'error',
  ],
});

export const peers: Readonly<Record<PeerName, Peer>> = {
  tideweave: {
    name: 'tideweave',
    title: 'Tideweave',
    dialect: 'tideweave',
    isOurs: true,
    stores: true,
    acknowledges: true,
    launch: serveOurs,
  },
  'tideweave-stock': {
    name: 'tideweave-stock',
    title: 'Tideweave, y-websocket clients',
    dialect: 'y-websocket',
    isOurs: true,
    stores: true,
    acknowledges: false,
    launch: serveOurs,
  },
  bare: {
    name: 'bare',
    title: 'bare ws relay',
    dialect: 'raw',
    isOurs: false,
    stores: false,
    acknowledges: false,
    launch: (port) => ({ args: [here('bare-relay.server.js'), String(port)] }),
  },
  hocuspocus: {
    name: 'hocuspocus',
    title: 'Hocuspocus 4.7 + SQLite',
    dialect: 'hocuspocus',
    isOurs: false,
    stores: true,
    acknowledges: true,
    launch: (port, folder) => ({
      args: [here('hocuspocus.server.js'), String(port), join(folder, 'documents.sqlite')],
    }),
  },
  'y-websocket': {
    name: 'y-websocket',
    title: 'y-websocket-server 0.1 + LevelDB',
    dialect: 'y-websocket',
    isOurs: false,
    stores: true,
    acknowledges: false,
    // As its package runs it: the stock server, configured by its environment.
    launch: (port, folder) => ({
      args: [fileURLToPath(new URL('src/server.js', import.meta.resolve('@y/websocket-server/package.json')))],
      env: { HOST: '127.0.0.1', PORT: String(port), YPERSISTENCE: join(folder, 'level') },
    }),
  },
  automerge: {
    name: 'automerge',
    title: 'automerge-repo 2.5 + files',
    dialect: 'raw',
    isOurs: false,
    stores: true,
    acknowledges: false,
    launch: (port, folder) => ({ args: [here('automerge.server.js'), String(port), folder] }),
  },
};

export const peerNames: readonly PeerName[] = Object.keys(peers) as PeerName[];
/** What a run measures when nobody says otherwise; the rest is asked for by `--peers`. */
export const defaultPeers: readonly PeerName[] = ['tideweave', 'bare', 'hocuspocus', 'y-websocket', 'automerge'];
/** Its client does the work of a document at both ends, which takes longer than a quick run has. */
export const quickPeers: readonly PeerName[] = defaultPeers.filter((name) => name !== 'automerge');
