import { meaningOf } from './meaning.ts';
import { Observable } from './observable.ts';

/** A frame that passed between a device and the relay. */
export interface TimelineRow {
  readonly id: number;
  /** Letter of the device. */
  readonly device: string;
  readonly direction: 'up' | 'down';
  readonly time: Date;
  readonly bytes: number;
  readonly names: string;
  readonly text: string;
}

const rowsMax = 200;

/** The newest frames of all devices, the newest first. While it is paused it hears nothing. */
export class Timeline {
  readonly rows: Observable<readonly TimelineRow[]> = new Observable<readonly TimelineRow[]>([]);
  readonly isPaused: Observable<boolean> = new Observable(false);
  #count = 0;

  add(device: string, direction: 'up' | 'down', frame: Uint8Array): void {
    if (this.isPaused.value) return;
    const { names, text } = meaningOf(direction, frame);
    const row = { id: ++this.#count, device, direction, time: new Date(), bytes: frame.length, names, text };
    this.rows.value = [row, ...this.rows.value].slice(0, rowsMax);
  }

  clear(): void {
    this.rows.value = [];
  }
}
