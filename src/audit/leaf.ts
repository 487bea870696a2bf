import { createHash, hash } from 'node:crypto'
import type { EventColumns, StoredEvent } from '../db/sealed-tables.ts'
import { microseconds } from './instant.ts'
import { expand, type ShapePart } from './touched.ts'

/** An event as it lies in audit.event, with its shape from audit.shape. */
export interface EventRow extends EventColumns {
  shape: readonly ShapePart[]
}

/**
 * The sealed form of an event: one line of JSON whose SHA-256 with a zero byte before it is the event's leaf (RFC 6962).
 * Whoever holds the line can read the event and hash it. The order of the members is fixed, absent ones are left out;
 * of what is encrypted it holds the hash of the ciphertext, so that it stays true when the key is destroyed.
 *
 * Its salt is random and known to nobody but who may read the whole line: the hash alone, which who sees the event in part
 * is given too, does not help to guess the rest.
 *
 * Rows that differ have different lines: `counts` says nothing that `touched` does not, and is there for that alone.
 * (Rows in a form that nobody writes may share a line; audit:verify refuses the form.)
 * @throws {RangeError} for a time that PostgreSQL would not have written
 */
export function leafText(row: EventRow): string {
  const { touched, subjectIds } = expand(row.shape, row.ids, row.counts, row.versions)
  return JSON.stringify({
    v: 1,
    tenantId: row.tenant_id,
    id: row.event_id,
    occurredAt: microseconds(row.occurred_at),
    epoch: row.epoch,
    transactionId: row.transaction_id,
    sequence: row.sequence,
    actor: { kind: row.actor_kind, id: given(row.actor_id) },
    onBehalfOf: given(row.on_behalf_of),
    action: row.action,
    resource: row.resource,
    touched,
    subjectIds,
    counts: given(row.counts),
    rowCount: row.row_count,
    outcome: row.outcome,
    code: given(row.code),
    purpose: given(row.purpose),
    query: row.query === null ? undefined : sorted(row.query),
    sealedNote: row.sealed_note ? hexHash(row.sealed_note) : undefined,
    changes: row.sealed_changes?.map(hexHash),
    changeSubjects: given(row.change_subjects),
    causeId: given(row.cause_id),
    requestId: given(row.request_id),
    ip: given(row.ip),
    salt: row.salt,
  })
}

/**
 * The sealed form of an event that whoever writes with the application's login has put there by hand: its shape is
 * missing or none, or its values have no form of their own in the line above. It is sealed all the same, so that nobody
 * can stop the sealing of a tenant; audit:verify names it.
 */
export function oddLeafText(row: StoredEvent): string {
  const { tenant_id: tenantId, event_id: id, occurred_at: occurredAt, ...others } = row
  return JSON.stringify({ v: 1, tenantId, id, occurredAt, odd: hashOfAny(others) })
}

/** How an event is sealed, whatever it is like. */
export function sealedForm(row: StoredEvent, shape: readonly ShapePart[] | null): string {
  if (shape)
    try {
      return leafText({ ...row, shape })
    } catch {
      // A NULL among its ciphertexts, a query a thousand levels deep.
    }
  return oddLeafText(row)
}

/** SHA-256 over all of a value, however deep it is: nothing here calls itself. */
function hashOfAny(value: unknown): string {
  const sum = createHash('sha256')
  const waiting = [value]
  while (waiting.length > 0) {
    const one = waiting.pop()
    if (one instanceof Uint8Array) sum.update(`bytes ${one.length}\n`).update(one)
    else if (Array.isArray(one)) {
      sum.update(`list ${one.length}\n`)
      for (const inner of one) waiting.push(inner)
    } else if (typeof one === 'object' && one !== null) {
      const members = Object.entries(one).sort(([a], [b]) => (a < b ? -1 : 1))
      sum.update(`members ${JSON.stringify(members.map(([name]) => name))}\n`)
      for (const [, inner] of members) waiting.push(inner)
    } else sum.update(`${JSON.stringify(one)}\n`)
  }
  return sum.digest('hex')
}

const given = <T>(value: T | null): T | undefined => value ?? undefined

const hexHash = (bytes: Buffer): string => hash('sha256', bytes, 'hex')

/** PostgreSQL keeps jsonb's members in an order of its own; readers need not know it. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(members.map(([name, member]) => [name, sorted(member)]))
}
