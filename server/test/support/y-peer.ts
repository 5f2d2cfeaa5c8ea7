/** The y-websocket dialect, message by message. */
import { type YWebsocketMessage, decodeYWebsocket, encodeYWebsocket } from '@tideweave/shared';
import * as Y from 'yjs';
import { Peer } from './peer.ts';

const frameBytesMax = 1024 ** 3;

export class YPeer extends Peer<YWebsocketMessage> {
  /** Connects to a document; `path` as it stands in the URL, so escape the name. */
  static async connect(url: string, path: string, headers: Record<string, string> = {}): Promise<YPeer> {
    const peer = new YPeer(`${url}/${path}`, [], (frame) => decodeYWebsocket(frame, frameBytesMax), { headers });
    return peer.opened();
  }

  send(message: YWebsocketMessage): void {
    this.sendBytes(encodeYWebsocket(message));
  }

  /** Says what is here, as a stock client does when it connects. */
  begin(document: Y.Doc): void {
    this.send({ type: 'step-1', stateVector: Y.encodeStateVector(document) });
  }

  /** Applies everything that has arrived and takes it from the inbox; returns whether a step 2 was among it. */
  applyTo(document: Y.Doc): boolean {
    let synced = false;
    const rest: YWebsocketMessage[] = [];
    for (const message of this.inbox.splice(0)) {
      if (message.type === 'step-2' || message.type === 'update') Y.applyUpdate(document, message.update);
      else rest.push(message);
      synced ||= message.type === 'step-2';
    }
    this.inbox.push(...rest);
    return synced;
  }
}
