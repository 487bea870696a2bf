import { createHash } from 'node:crypto'
import type { Principal } from '../access/principal.ts'
import { Problem } from '../errors.ts'
import { type Keyring, open, seal } from '../privacy/keyring.ts'

export interface Position {
  key: unknown
  id: string
}

/**
 * Cursors are sealed: their content (a sort value) cannot be read or made up, and they open only for the same principal
 * and the same question.
 */
export class Cursors {
  readonly #key: Buffer

  constructor(keyring: Keyring) {
    this.#key = keyring.derive('cursors')
  }

  write(position: Position, principal: Principal, question: string): string {
    return seal(this.#key, JSON.stringify([position.key, position.id]), this.#context(principal, question)).toString(
      'base64url',
    )
  }

  /** @throws Problem invalid_cursor */
  read(cursor: string, principal: Principal, question: string): Position {
    try {
      const [key, id] = JSON.parse(
        open(this.#key, Buffer.from(cursor, 'base64url'), this.#context(principal, question)).toString(),
      )
      return { key, id }
    } catch (cause) {
      throw new Problem('invalid_cursor', { cause })
    }
  }

  #context(principal: Principal, question: string): string {
    const hash = createHash('sha256').update(question).digest('base64')
    return `${principal.tenantId}/${principal.kind}/${principal.id}/${principal.onBehalfOf ?? ''}/${hash}`
  }
}
