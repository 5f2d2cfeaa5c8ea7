import type { Clock } from '@tideweave/shared';

/** Something that gathers work while input is handled and does it at the end of the turn. */
export interface EndOfTurn {
  endTurn(): void;
}

/**
 * The end of the event loop's turn: what arrived in it is handled together, so that one frame, one write per socket and
 * one commit serve all of it. Rooms come first, as they write to connections.
 */
export class Turn {
  readonly #clock: Clock;
  readonly #rooms = new Set<EndOfTurn>();
  readonly #connections = new Set<EndOfTurn>();
  #scheduled = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  roomHasWork(room: EndOfTurn): void {
    this.#rooms.add(room);
    this.#schedule();
  }

  connectionHasWork(connection: EndOfTurn): void {
    this.#connections.add(connection);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#clock.soon(() => {
      this.#scheduled = false;
      endAll(this.#rooms);
      endAll(this.#connections);
    });
  }
}

function endAll(waiting: Set<EndOfTurn>): void {
  const due = [...waiting];
  waiting.clear();
  for (const one of due) one.endTurn();
}
