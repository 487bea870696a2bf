import { hash } from 'node:crypto'
import { z } from 'zod'
import type { SealedTables, StoredEvent } from '../db/sealed-tables.ts'
import { SealingFault } from './sealing-fault.ts'
import type { ShapePart } from './touched.ts'

const names = z.array(z.string())
const shapeForm = z.array(
  z.strictObject({ resource: z.string(), shown: names, masked: names, changed: names.exactOptional() }),
)
const knownMax = 10_000

type Ask = <T>(work: (tables: SealedTables) => Promise<T>) => Promise<T>

/** The shapes of a tenant's events. Each is read once, and held against its id, which is made of its content. */
export class Shapes {
  readonly #ask: Ask
  readonly #known = new Map<string, ShapePart[] | null>()
  readonly #changed = new Set<string>()

  constructor(ask: Ask) {
    this.#ask = ask
  }

  /** Reads the shapes of these events that are not known yet. */
  async load(events: readonly StoredEvent[]): Promise<void> {
    if (this.#known.size > knownMax) this.#known.clear()
    const wanted = new Set(events.map((event) => event.shape_id).filter((id) => !this.#known.has(id)))
    if (wanted.size === 0) return
    for (const id of wanted) this.#known.set(id, null)
    for (const { id, text } of await this.#ask((tables) => tables.shapes([...wanted])))
      if (isShape(id, text)) this.#known.set(id, read(text))
      else this.#changed.add(id)
  }

  /** @returns null when the shape is missing, is none, or is not what its id says */
  find(event: StoredEvent): ShapePart[] | null {
    return this.#known.get(event.shape_id) ?? null
  }

  /**
   * The same for whoever signs.
   * @throws {SealingFault} when the shape is not what its id says
   */
  of(event: StoredEvent): ShapePart[] | null {
    if (this.#changed.has(event.shape_id))
      throw new SealingFault('shape_changed', `the shape ${event.shape_id} is not what it was`)
    return this.find(event)
  }
}

/** Whether a shape is what its id says: the first half of the SHA-256 of its text, as audit.shape_id() makes it. */
export function isShape(id: string, text: string): boolean {
  return hash('sha256', text, 'hex').slice(0, 32) === id.replaceAll('-', '')
}

function read(text: string): ShapePart[] | null {
  return shapeForm.safeParse(JSON.parse(text)).data ?? null
}
