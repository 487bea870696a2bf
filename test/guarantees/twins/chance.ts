/** Chance that can be repeated: the same seed throws the same dice (mulberry32). */
export class Chance {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** 0 ≤ x < 1 */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = this.#state
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }

  is(probability: number): boolean {
    return this.next() < probability
  }

  below(count: number): number {
    return Math.floor(this.next() * count)
  }

  of<T>(list: readonly T[]): T {
    const one = list[this.below(list.length)]
    if (one === undefined) throw new Error('there is nothing to choose from')
    return one
  }

  some<T>(list: readonly T[], probability: number): T[] {
    return list.filter(() => this.is(probability))
  }

  word(): string {
    return Array.from({ length: 8 }, () => 'abcdefghijklmnopqrstuvwxyz'[this.below(26)]).join('')
  }
}
