import { hash } from 'node:crypto'
import type { EventColumns } from '../db/sealed-tables.ts'
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
  })
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
