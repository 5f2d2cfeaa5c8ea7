import type { DocumentStatus, StateVector, PresenceSession } from '@tideweave/shared';
import type { HubLink } from './hub-link.ts';
import type { DocumentFacts } from './messages.ts';

/** One tab's place in a document of the leader: how far its edits have got. */
export class HubMember implements PresenceSession {
  readonly user = '';
  readonly link: HubLink;
  /** What the tab had when it opened the document. */
  readonly stateVector: StateVector;
  /** `caught-up` is still to be said. */
  caughtUpDue = true;
  #backlogDue = true;
  #wanting = false;
  #receivedN = 0;
  #durableN = 0;
  /** Numbers of the tab's edits and of the same as the leader's own, without those that are durable. */
  #pushes: { readonly n: number; readonly leaderN: number }[] = [];

  constructor(link: HubLink, stateVector: StateVector) {
    this.link = link;
    this.stateVector = stateVector;
  }

  /** The tab has sent all that it had when it opened the document. */
  backlogReceived(): void {
    this.#backlogDue = false;
  }

  /** The tab was asked for what the leader lacks. */
  wanted(): void {
    this.#wanting = true;
  }

  /** Its edit `n` is the leader's edit `leaderN` now. */
  received(n: number, leaderN: number, resync: boolean): void {
    if (resync) this.#wanting = false;
    if (n === 0) return;
    this.#receivedN = Math.max(this.#receivedN, n);
    this.#pushes.push({ n, leaderN });
  }

  /** The leader's edits up to `leaderN` are durable, on the device or on the relay. */
  durable(leaderN: number): void {
    let done = 0;
    for (const push of this.#pushes) {
      if (push.leaderN > leaderN) break;
      this.#durableN = Math.max(this.#durableN, push.n);
      done++;
    }
    if (done > 0) this.#pushes = this.#pushes.slice(done);
  }

  facts(status: DocumentStatus): DocumentFacts {
    return {
      status,
      complete: !this.#backlogDue && !this.#wanting,
      receivedN: this.#receivedN,
      durableN: this.#durableN,
    };
  }
}
