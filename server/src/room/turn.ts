import type { Clock } from '@tideweave/shared';

/** Something that gathers work while input is handled and does it at the end of the turn. */
export interface EndOfTurn {
  endTurn(): void;
}

/** A room, which paces itself by what its sending cost. */
export interface RoomTurn extends EndOfTurn {
  /**
   * The turn in which the room had work is over, sockets written. What the room hands over costs next to nothing; the
   * time goes into the writes, and those of many rooms in one turn are what makes the relay busy.
   */
  turnTook(startedAtMs: number, endedAtMs: number): void;
}

/**
 * The end of the event loop's turn: what arrived in it is handled together, so that one frame, one write per socket and
 * one commit serve all of it. Rooms come first, as they write to connections.
 */
export class Turn {
  readonly #clock: Clock;
  #rooms = new Set<RoomTurn>();
  #connections = new Set<EndOfTurn>();
  #scheduled = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  roomHasWork(room: RoomTurn): void {
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
    this.#clock.soon(() => this.#end());
  }

  #end(): void {
    this.#scheduled = false;
    const startedAtMs = this.#clock.now();
    const rooms = this.#rooms;
    this.#rooms = new Set();
    for (const room of rooms) room.endTurn();
    const connections = this.#connections;
    this.#connections = new Set();
    for (const connection of connections) connection.endTurn();
    const endedAtMs = this.#clock.now();
    for (const room of rooms) room.turnTook(startedAtMs, endedAtMs);
  }
}
