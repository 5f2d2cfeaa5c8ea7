import { type Random, seededRandom } from '@tideweave/shared';

/** Chance with handles. Everything that happens in a simulated world comes from dice that were made of its seed. */
export class Dice {
  readonly random: Random;

  constructor(seed: number) {
    this.random = seededRandom(seed);
  }

  /** Dice of their own for a purpose: what one purpose rolls does not change what another gets. */
  static for(seed: number, purpose: string): Dice {
    let hash = seed ^ 0x811c9dc5;
    for (let at = 0; at < purpose.length; at++) hash = Math.imul(hash ^ purpose.charCodeAt(at), 0x01000193);
    return new Dice(hash);
  }

  /** A whole number from 0 up to, and without, `below`. */
  below(below: number): number {
    return Math.floor(this.random() * below);
  }

  /** A whole number between two, both possible. */
  between(from: number, to: number): number {
    return from + this.below(to - from + 1);
  }

  chance(probability: number): boolean {
    return this.random() < probability;
  }

  pick<T>(from: readonly [T, ...T[]]): T;
  pick<T>(from: readonly T[]): T | undefined;
  pick<T>(from: readonly T[]): T | undefined {
    return from[this.below(from.length)];
  }

  /** One of the keys, as likely as its weight says. */
  weighted<Key extends string>(weights: Readonly<Record<Key, number>>): Key {
    const entries = Object.entries<number>(weights);
    let left = this.random() * entries.reduce((sum, [, weight]) => sum + weight, 0);
    for (const [key, weight] of entries) {
      left -= weight;
      if (left < 0) return key as Key;
    }
    return entries[0]?.[0] as Key;
  }

  /** Sixteen hex digits. */
  id(): string {
    const half = (): string =>
      this.below(2 ** 32)
        .toString(16)
        .padStart(8, '0');
    return half() + half();
  }
}
