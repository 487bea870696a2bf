import type { SigningKey } from '../db/sealed-tables.ts'
import { parseEndorsement } from './checkpoint-note.ts'
import { openNote, parseNote } from './note.ts'
import { keyFault, verifierKey } from './signing-keys.ts'
import type { Run } from './verify.ts'
import type { Report } from './verify-report.ts'

/** The keys of a tenant, each held against the one before it; there may be more of them while a check is under way. */
export class CheckedKeys {
  readonly #run: Run
  readonly #report: Report
  #keys: readonly SigningKey[] = []

  private constructor(run: Run, report: Report) {
    this.#run = run
    this.#report = report
  }

  static async read(run: Run, report: Report): Promise<CheckedKeys> {
    const keys = new CheckedKeys(run, report)
    await keys.#read()
    return keys
  }

  get all(): readonly SigningKey[] {
    return this.#keys
  }

  find(generation: number): SigningKey | undefined {
    return this.#keys.find((key) => key.generation === generation)
  }

  /** The size beyond which a key signs nothing: the next key's endorsement says it; infinite for the newest key. */
  lastSizeOf(generation: number): number {
    const next = this.find(generation + 1)
    // One that cannot be read is a fault of its own.
    return parseEndorsement((next && parseNote(next.endorsement)?.text) ?? '')?.after ?? Number.POSITIVE_INFINITY
  }

  /**
   * Which key has signed a note. A note outside may be of a key that was made after the others were read, so they are
   * read again before it is called foreign.
   */
  async signerOf(note: string): Promise<SigningKey | null> {
    const known = this.#signerOf(note)
    if (known) return known
    await this.#read()
    return this.#signerOf(note)
  }

  #signerOf(note: string): SigningKey | null {
    const opened = openNote(
      note,
      this.#keys.map((key) => verifierKey(this.#report.tenantId, key.publicKey)),
    )
    return (opened && this.#keys.find((key) => key.publicKey.equals(opened.key.publicKey))) ?? null
  }

  async #read(): Promise<void> {
    const checked = this.#keys.length
    const keys = await this.#run((tables) => tables.keys())
    for (const [i, key] of keys.entries()) {
      const wrong = i < checked ? null : keyFault(this.#report.tenantId, key, keys[i - 1])
      if (wrong !== null) this.#report.fault(null, `signing key ${key.generation} ${wrong}`)
    }
    this.#keys = keys
  }
}
