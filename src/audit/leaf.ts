import { hash } from 'node:crypto'
import { expand, type ShapePart } from './touched.ts'

/**
 * An event as it lies in audit.event, with its shape from audit.shape. Times as PostgreSQL writes them, in UTC or with
 * their offset, or as RFC 3339.
 */
export interface EventRow {
  tenant_id: string
  event_id: string
  occurred_at: string
  epoch: number
  /** xid8: may be beyond what a number holds. */
  transaction_id: string
  sequence: number | string
  actor_kind: string
  actor_id: string | null
  on_behalf_of: string | null
  action: string
  resource: string
  shape: readonly ShapePart[]
  ids: readonly string[]
  counts: readonly number[] | null
  versions: readonly (number | null)[] | null
  row_count: number
  outcome: string
  code: string | null
  purpose: string | null
  query: unknown
  sealed_note: Buffer | null
  change_subjects: readonly string[] | null
  sealed_changes: readonly Buffer[] | null
  cause_id: string | null
  request_id: string | null
  ip: string | null
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
    sequence: Number(row.sequence),
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

const written = /^(\d{4,}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?(?:Z|([+-])(\d\d)(?::?(\d\d))?)$/

/** A time as RFC 3339 in UTC with six digits, from the form that PostgreSQL writes ("2026-11-22 15:04:05.12+00"). */
function microseconds(text: string): string {
  const [, day, time, fraction = '', sign, hours, minutes = '00'] = written.exec(text) ?? []
  if (day === undefined) throw new RangeError('not a time of an event')
  const digits = fraction.padEnd(6, '0')
  if (sign === undefined || (hours === '00' && minutes === '00')) return `${day}T${time}.${digits}Z`
  const utc = new Date(`${day}T${time}${sign}${hours}:${minutes}`).toISOString()
  return `${utc.slice(0, 19)}.${digits}Z`
}
