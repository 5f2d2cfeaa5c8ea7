/** automerge-repo's sync server: its repository with the WebSocket adapter and storage in files. */
import { Repo } from '@automerge/automerge-repo';
import { WebSocketServerAdapter } from '@automerge/automerge-repo-network-websocket';
import { NodeFSStorageAdapter } from '@automerge/automerge-repo-storage-nodefs';
import { WebSocketServer } from 'ws';

const [, , port, folder = ''] = process.argv;
const server = new WebSocketServer({ host: '127.0.0.1', port: Number(port), perMessageDeflate: false });
const repo = new Repo({
  network: [new WebSocketServerAdapter(server as never)],
  storage: new NodeFSStorageAdapter(folder),
  // As sync servers set it: documents are for whoever asks, and nobody is offered one.
  sharePolicy: () => Promise.resolve(false),
});
process.once('SIGTERM', () => {
  void repo.flush().finally(() => process.exit(0));
});
