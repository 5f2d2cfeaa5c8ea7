import { WebSocket } from 'ws';

/**
 * The package ws for stock providers: they take their listeners off before they close a socket that is still connecting,
 * which a browser takes and Node ends the process for.
 */
export class QuietWebSocket extends WebSocket {
  constructor(url: string | URL, protocols?: string | string[]) {
    super(url, protocols);
    this.on('error', () => undefined);
  }
}
