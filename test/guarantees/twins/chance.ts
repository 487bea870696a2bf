import { Random } from '../../../scripts/demo/random.ts'

/** Chance that can be repeated, in the words of questions and roles. */
export class Chance extends Random {
  below(count: number): number {
    return this.int(0, count - 1)
  }

  of<T>(list: readonly T[]): T {
    return this.pick(list)
  }

  some<T>(list: readonly T[], probability: number): T[] {
    return list.filter(() => this.is(probability))
  }

  word(): string {
    return Array.from({ length: 8 }, () => 'abcdefghijklmnopqrstuvwxyz'[this.below(26)]).join('')
  }
}
