/** What contacts are by themselves, and into whom they went: the simplest that merging and parting can be. */
export interface Person {
  id: string
  /** the address that only they write from */
  address: string
  /** what they are by themselves: as they were made, and as somebody changed them while they stood for themselves */
  own: Record<string, unknown> & { tags: string[] }
  into: string | null
  /** what was said from their address */
  messages: string[]
  notes: string[]
  /** everybody whom they have ever been one with: whose values may have come to them */
  company: Set<string>
}

export class ChainModel {
  readonly people = new Map<string, Person>()

  person(id: string): Person {
    const found = this.people.get(id)
    if (!found) throw new Error('a person that is none')
    return found
  }

  /** Whoever stands for a person. */
  root(id: string): string {
    const { into } = this.person(id)
    return into === null ? id : this.root(into)
  }

  roots(): Person[] {
    return [...this.people.values()].filter((one) => one.into === null)
  }

  merged(): Person[] {
    return [...this.people.values()].filter((one) => one.into !== null)
  }

  /** The others go into one, each with all who have gone into them. */
  join(into: Person, others: readonly Person[]): void {
    const roots = new Set([into, ...others].map((one) => one.id))
    const all = [...this.people.values()].filter((one) => roots.has(this.root(one.id)))
    for (const one of all) for (const { id } of all) if (id !== one.id) one.company.add(id)
    for (const other of others) other.into = into.id
  }

  /** What is somebody's, by who stands for them: messages and notes. */
  belongings(rootId: string): { messages: string[]; notes: string[] } {
    const own = [...this.people.values()].filter((one) => this.root(one.id) === rootId)
    return {
      messages: own.flatMap((one) => one.messages).sort(),
      notes: own.flatMap((one) => one.notes).sort(),
    }
  }
}

/** Numbers that look like chance, the same again for the same seed (mulberry32). */
export function chance(seed: number): (below: number) => number {
  let state = seed >>> 0
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296) * below)
  }
}
