import type { Cancel } from '@tideweave/shared';
import type { Transport, TransportEvents } from '../transport/websocket-transport.ts';
import { type LinkMessage, linkMessage } from './messages.ts';
import type { TabChannel, TabsPlatform } from './platform.ts';

/**
 * One end of a channel between two tabs: numbers what it sends, and counts what arrives. A browser neither loses nor
 * reorders messages, but a page that was frozen may have missed some: then the link is over, and the next one heals it.
 */
export class LinkPort {
  readonly #channel: TabChannel;
  #sentSeq = 0;
  #receivedSeq = 0;

  /** `received` gets null when something was missed, or was none of ours. */
  constructor(platform: TabsPlatform, name: string, received: (message: LinkMessage | null) => void) {
    this.#channel = platform.openChannel(name, (data) => {
      const numbered = linkMessage(data);
      this.#receivedSeq += 1;
      received(numbered?.seq === this.#receivedSeq ? numbered.message : null);
    });
  }

  post(message: LinkMessage): void {
    this.#sentSeq += 1;
    this.#channel.post({ seq: this.#sentSeq, message });
  }

  close(): void {
    this.#channel.close();
  }
}

export interface TabLinkEvents extends TransportEvents {
  /** What the leader says beside the frames. */
  readonly told: (message: LinkMessage) => void;
}

/** A tab's half of a link: what its session takes for a connection to the relay. */
export class TabLink implements Transport {
  readonly #events: TabLinkEvents;
  readonly #post: (message: LinkMessage) => void;
  readonly #end: () => void;
  #state: 'asking' | 'open' | 'closed' = 'asking';

  constructor(events: TabLinkEvents, post: (message: LinkMessage) => void, end: () => void) {
    this.#events = events;
    this.#post = post;
    this.#end = end;
  }

  get isOpen(): boolean {
    return this.#state === 'open';
  }

  /** Takes what the leader sends; null when something of it was missed. */
  receive(message: LinkMessage | null): void {
    if (this.#state === 'closed') return;
    if (message === null || message.type === 'bye') this.lose();
    else if (message.type === 'welcome') {
      this.#state = 'open';
      this.#events.opened();
    } else if (message.type === 'frame') this.#events.received(message.frame);
    else this.#events.told(message);
  }

  send(frame: Uint8Array<ArrayBuffer>): void {
    this.post({ type: 'frame', frame });
  }

  post(message: LinkMessage): void {
    if (this.#state === 'open') this.#post(message);
  }

  /** Its owner wants it no longer. */
  close(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#post({ type: 'bye' });
    this.#end();
  }

  /** The leader is gone, or cannot be trusted to have been heard. */
  lose(): void {
    if (this.#state === 'closed') return;
    this.close();
    this.#events.closed();
  }
}

/** A link between a tab and itself, when it leads: messages arrive in their order, at the end of the turn. */
export function ownLink(
  events: TabLinkEvents,
  soon: (run: () => void) => void,
  welcome: (post: (message: LinkMessage) => void) => { receive(message: LinkMessage): void },
): TabLink {
  const link: TabLink = new TabLink(
    events,
    (message) => soon(() => hub.receive(message)),
    () => undefined,
  );
  const hub = welcome((message) => soon(() => link.receive(message)));
  return link;
}

/**
 * A link to the tab that leads, which has to be told of it on the channel that all tabs hear, once `ready` was called: the
 * tab then holds a lock for as long as the link lasts, and whoever waits for it hears at once of a tab that crashed.
 */
export function linkToLeader(
  events: TabLinkEvents,
  platform: TabsPlatform,
  name: string,
  ready: (link: TabLink) => void,
): TabLink {
  const port = new LinkPort(platform, name, (message) => link.receive(message));
  const link = new TabLink(
    events,
    (message) => port.post(message),
    () => {
      port.close();
      release();
    },
  );
  const release: Cancel = platform.lock(
    name,
    { steal: false },
    () => ready(link),
    () => link.lose(),
  );
  return link;
}
