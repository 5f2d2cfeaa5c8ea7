/** The part of the wire watch that knows, by the tokens that a connection brought, when each of its grants ends (A1). */
import { Coverage } from './coverage.ts';
import { graceMs, readToken } from './grants.ts';
import type { Report } from './violation.ts';

/** What it needs to know of the world, and tells it. */
export interface GrantWorld {
  readonly report: Report;
  /** Virtual ms. */
  now(): number;
  /** A device has a document open until its grant ends (virtual ms). */
  granted(device: string, document: string, endsAtMs: number): void;
  /** What a device pushes in a session whose grant ended more than `graceMs` ago, and that is still open. */
  pushedLate(device: string, document: string, coverage: Coverage): void;
}

export class GrantWatch {
  readonly #world: GrantWorld;
  readonly #device: string;
  /** When what each token grants ends (virtual ms), of those that reached the relay. */
  readonly #broughtEndsAtMs: number[] = [];
  /** When the grant of each open document ends (virtual ms). */
  readonly #endsAtMs = new Map<string, number>();
  /** A grant was prolonged by a new token, or ended a session. */
  happened: (what: 'grant-renewed' | 'grant-ended') => void = () => undefined;

  constructor(world: GrantWorld, device: string) {
    this.#world = world;
    this.#device = device;
  }

  /** A token has reached the relay. */
  brought(token: string): void {
    this.#broughtEndsAtMs.push(readToken(token).endsAtMs);
  }

  /** A document is open by the grant of a token. */
  opened(document: string, token: string): void {
    this.#granted(document, readToken(token).endsAtMs);
  }

  /** The relay says when a grant ends: as one of the tokens has it that it was brought. */
  told(document: string, endsInMs: number): void {
    const endsAtMs = endsInMs === 0 ? Infinity : this.#world.now() + endsInMs;
    const late = (end: number): number => (end === endsAtMs ? 0 : endsAtMs - end);
    const [ends] = this.#broughtEndsAtMs
      .filter((end) => late(end) >= -toleranceMs && late(end) <= waitedMsMax)
      .toSorted((a, b) => late(a) - late(b));
    if (ends === undefined) {
      const what = `${this.#device} was told that its grant for ${document} ends in ${endsInMs} ms`;
      this.#world.report('A1', `${what}, and none of its tokens says so`);
      return;
    }
    if (ends > (this.#endsAtMs.get(document) ?? Infinity)) this.happened('grant-renewed');
    this.#granted(document, ends);
  }

  /** The relay ends a session for want of a grant. */
  refused(document: string): void {
    if (this.#leftMs(document) <= 0) this.happened('grant-ended');
  }

  /** Nothing of a document goes to a session whose grant has ended. */
  sent(document: string): void {
    const leftMs = this.#leftMs(document);
    if (leftMs >= -graceMs) return;
    this.#world.report('A1', `${this.#device} is sent something of ${document} ${-leftMs} ms after its grant ended`);
  }

  /** Nothing is taken from a session whose grant has ended: the oracle looks out for it. */
  pushed(document: string, update: Uint8Array): void {
    if (this.#leftMs(document) < -graceMs) this.#world.pushedLate(this.#device, document, Coverage.ofUpdate(update));
  }

  #granted(document: string, endsAtMs: number): void {
    this.#endsAtMs.set(document, endsAtMs);
    this.#world.granted(this.#device, document, endsAtMs);
  }

  #leftMs(document: string): number {
    return (this.#endsAtMs.get(document) ?? Infinity) - this.#world.now();
  }
}

/** The relay tells whole milliseconds. */
const toleranceMs = 2;
/** And may have counted them some time before the message got into the socket. */
const waitedMsMax = 1000;
