import { type Cancel, type Clock, type Random, protocolVersion } from '@tideweave/shared';
import { Election } from './election.ts';
import type { Hub } from './hub.ts';
import { type ControlMessage, type LinkMessage, controlMessage, tabsVersion } from './messages.ts';
import type { TabChannel, TabsPlatform } from './platform.ts';
import { LinkPort, type TabLink, type TabLinkEvents, linkToLeader, ownLink } from './tab-link.ts';

export interface TabsNodeOptions {
  readonly platform: TabsPlatform;
  readonly clock: Clock;
  readonly random: Random;
  /** Names those who share a connection: the same for tabs of the same user, relay and kind of store only. */
  readonly group: string;
  /** Makes this tab the leader. */
  readonly lead: () => Hub;
  /** There is a leader that can be asked: a good moment to connect. */
  readonly wake: () => void;
}

/** One tab among those of a browser: takes part in the election, leads when it has to, and links its session to who does. */
export class TabsNode {
  readonly #options: TabsNodeOptions;
  readonly #name: string;
  readonly #election: Election;
  readonly #control: TabChannel;
  readonly #unwatchPage: Cancel;
  #releaseLock: Cancel = () => undefined;
  #hub: Hub | null = null;
  #ports = new Set<LinkPort>();
  /** The session's connection, or its attempt at one. */
  #link: TabLink | null = null;
  /** What the leader is to be told of it; empty while it is not ready. */
  #linkId = '';
  #timer: Cancel | null = null;
  #wanted = false;
  #isAway = false;

  constructor(options: TabsNodeOptions) {
    this.#options = options;
    this.#name = `tideweave tabs ${protocolVersion}.${tabsVersion} ${options.group}`;
    this.#election = new Election(options.random);
    this.#control = options.platform.openChannel(this.#name, (data) => {
      const message = controlMessage(data);
      if (message !== null && !this.#isAway) this.#heard(message);
    });
    this.#unwatchPage = options.platform.watchPage(
      () => this.#hide(),
      () => this.#show(),
    );
  }

  /** Links the tab's session to the leader, which may be this tab; the earlier link is over. */
  connect(events: TabLinkEvents): TabLink {
    this.#link?.close();
    this.#wanted = true;
    const link = this.#newLink(events);
    this.#link = link;
    if (!this.#isAway) this.#election.join();
    this.#drain();
    return link;
  }

  /** Tells the leader something beside the session's frames; nobody, while there is no link to one. */
  post(message: LinkMessage): void {
    this.#link?.post(message);
  }

  /** This tab wants no connection: it leads no longer, either. */
  leave(): void {
    this.#wanted = false;
    this.#link?.close();
    this.#link = null;
    this.#afterLastFrames(() => {
      if (!this.#wanted) this.#election.leave();
    });
  }

  destroy(): void {
    this.leave();
    this.#afterLastFrames(() => {
      this.#unwatchPage();
      this.#control.close();
    });
  }

  #newLink(events: TabLinkEvents): TabLink {
    const { platform, clock } = this.#options;
    const hub = this.#hub;
    this.#linkId = '';
    if (hub !== null) {
      // A timer: whoever asked must have got the link before it opens.
      const opened = (): void => void clock.after(0, events.opened);
      return ownLink(
        { ...events, opened },
        (run) => clock.soon(run),
        (post) => hub.welcome(post),
      );
    }
    const id = platform.randomId();
    const welcomed = (): void => {
      this.#election.heard();
      this.#setTimer();
      events.opened();
    };
    return linkToLeader({ ...events, opened: welcomed }, platform, this.#linkName(id), (link) => {
      if (this.#link !== link) return;
      this.#linkId = id;
      this.#hello();
    });
  }

  /** Asks whoever leads for the other end of the link. */
  #hello(): void {
    if (this.#linkId === '' || this.#isAway) return;
    this.#say({ type: 'hello', link: this.#linkId });
    this.#election.asked(this.#options.clock.now());
    this.#setTimer();
  }

  #heard(message: ControlMessage): void {
    if (message.type === 'hello') {
      if (this.#hub !== null) this.#welcome(this.#hub, message.link);
      return;
    }
    this.#election.heard();
    this.#relink();
    this.#drain();
  }

  /** There is another leader: what was a link to the last one is over, what waits for one asks again. */
  #relink(): void {
    const link = this.#link;
    if (link === null) return;
    if (link.isOpen) link.lose();
    else if (this.#hub === null) this.#hello();
    this.#options.wake();
  }

  #welcome(hub: Hub, id: string): void {
    const { platform } = this.#options;
    const name = this.#linkName(id);
    const port = new LinkPort(platform, name, (message) => {
      if (message === null) link.end();
      else link.receive(message);
    });
    this.#ports.add(port);
    const link = hub.welcome((message) => {
      port.post(message);
      if (message.type !== 'bye') return;
      this.#ports.delete(port);
      port.close();
      release();
    });
    // It is this tab's as soon as the other lets go of it, or is gone.
    const release = platform.lock(
      name,
      { steal: false },
      () => {
        release();
        link.end();
      },
      () => undefined,
    );
  }

  #drain(): void {
    for (let outputs = this.#election.drain(); outputs.length > 0; outputs = this.#election.drain()) {
      for (const output of outputs) {
        if (output === 'lead') this.#lead();
        else if (output === 'resign') this.#resign();
        else {
          this.#releaseLock();
          this.#releaseLock = () => undefined;
          if (output !== 'release') this.#lock(output === 'steal');
        }
      }
    }
    this.#setTimer();
  }

  #lock(steal: boolean): void {
    const mine: Cancel = this.#options.platform.lock(
      this.#name,
      { steal },
      () => {
        this.#election.granted();
        this.#drain();
      },
      () => {
        if (this.#releaseLock !== mine) return;
        this.#releaseLock = () => undefined;
        this.#election.robbed();
        this.#drain();
      },
    );
    this.#releaseLock = mine;
  }

  #lead(): void {
    this.#hub = this.#options.lead();
    this.#say({ type: 'leader' });
    const link = this.#link;
    if (link === null) return;
    // It was on its way to the last leader.
    link.lose();
    this.#options.wake();
  }

  #resign(): void {
    this.#hub?.close();
    this.#hub = null;
    if (!this.#wanted || this.#isAway) return;
    // Not by a message of its own link: it may be on its way for long.
    this.#link?.lose();
    this.#options.wake();
  }

  #hide(): void {
    if (this.#isAway) return;
    this.#isAway = true;
    this.#afterLastFrames(() => {
      if (!this.#isAway) return;
      this.#link?.lose();
      // The others hear that this tab is gone before they hear that nobody leads.
      this.#afterLastFrames(() => {
        if (this.#isAway) this.#election.leave();
      });
    });
  }

  #show(): void {
    if (!this.#isAway) return;
    this.#isAway = false;
    if (!this.#wanted) return;
    this.#election.join();
    this.#relink();
    this.#drain();
  }

  /** What the session sends in this turn gets to the leader, which may be this tab, before `run`. */
  #afterLastFrames(run: () => void): void {
    const { clock } = this.#options;
    clock.soon(() =>
      clock.soon(() => {
        run();
        this.#drain();
      }),
    );
  }

  #say(message: ControlMessage): void {
    this.#control.post(message);
  }

  #linkName(id: string): string {
    return `${this.#name} link ${id}`;
  }

  #setTimer(): void {
    this.#timer?.();
    this.#timer = null;
    const { clock } = this.#options;
    const due = this.#election.deadline;
    if (due === Infinity) return;
    this.#timer = clock.after(Math.max(0, due - clock.now()), () => {
      this.#election.tick(clock.now());
      this.#drain();
    });
  }
}
