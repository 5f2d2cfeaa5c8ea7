/** Typed events. A listener that throws does not keep the others from being called; its error is reported globally. */
export class Emitter<Events extends Record<keyof Events, unknown>> {
  readonly #listeners = new Map<keyof Events, Set<(value: never) => void>>();

  /** Calls `listener` at every `event`; returns what takes it off again. */
  on<Name extends keyof Events>(event: Name, listener: (value: Events[Name]) => void): () => void {
    let listeners = this.#listeners.get(event);
    if (listeners === undefined) {
      listeners = new Set();
      this.#listeners.set(event, listeners);
    }
    listeners.add(listener);
    return () => this.off(event, listener);
  }

  off<Name extends keyof Events>(event: Name, listener: (value: Events[Name]) => void): void {
    this.#listeners.get(event)?.delete(listener);
  }

  protected emit<Name extends keyof Events>(event: Name, value: Events[Name]): void {
    for (const listener of this.#listeners.get(event) ?? []) {
      try {
        (listener as (value: Events[Name]) => void)(value);
      } catch (error) {
        // As an event target does it: the error is the application's, and not lost.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
