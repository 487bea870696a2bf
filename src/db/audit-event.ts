import type { Action } from '../access/actions.ts'
import type { Principal } from '../access/principal.ts'
import { type Compiled, compile, named, type SQL, sql } from './sql.ts'

/** What a request does, named before it touches anything; goes into the audit event. */
export interface AuditEntry {
  action: Action
  resource: string
  /** Filters and sorts, values already hashed. */
  query?: unknown
  /** A reason or ticket, sealed. */
  sealedNote?: Buffer | null
  /** What an event of a change is a sign of. */
  code?: 'quota_alert'
}

/** What was touched: whose fields were shown or masked, which were changed. */
export interface Touched {
  resource: string
  ids: readonly string[]
  shown?: readonly string[]
  masked?: readonly string[]
  changed?: readonly string[]
  /** The version that a change led to; the change feed needs it. */
  version?: number
  /** The contacts concerned. */
  subjectIds?: readonly (string | null)[]
}

export interface Versioned {
  id: string
  version: number
}

/** Rows that a change has led to their versions. One entry per version, since a version belongs to all ids of its entry. */
export function touches(
  resource: string,
  rows: readonly Versioned[],
  changed: readonly string[],
  subjectOf: (id: string) => string | null | undefined,
): Touched[] {
  return [...Map.groupBy(rows, (row) => row.version)].map(([version, same]) => {
    const ids = same.map((row) => row.id)
    return { resource, ids, version, changed, subjectIds: ids.map((id) => subjectOf(id) ?? null) }
  })
}

/** Where a request came from. */
export interface Meta {
  requestId: string | null
  /** The caller's address; null for the service's own work. */
  ip: string | null
  purpose: string | null
  causeId?: string | null
}

export type Outcome = 'allowed' | 'denied'

const columns = sql.raw(
  'INSERT INTO audit.event (tenant_id, event_id, actor_kind, actor_id, on_behalf_of, action, resource, touched, subject_ids,' +
    ' row_count, outcome, code, purpose, query, sealed_note, cause_id, request_id, ip)',
)

/** The values that every event of a principal carries, for placeholders of the same names. */
export function eventValues(
  eventId: string,
  principal: Principal,
  entry: AuditEntry,
  meta: Meta,
): Record<string, unknown> {
  return {
    eventTenant: principal.tenantId,
    eventId,
    actorKind: principal.kind,
    actorId: principal.id,
    onBehalfOf: principal.onBehalfOf,
    action: entry.action,
    resource: entry.resource,
    purpose: meta.purpose ?? principal.purpose,
    query: entry.query === undefined ? null : JSON.stringify(entry.query),
    sealedNote: entry.sealedNote ?? null,
    causeId: meta.causeId ?? null,
    requestId: meta.requestId,
    ip: meta.ip,
  }
}

/** The event inside a statement: what was touched comes from the statement's own rows. */
export function eventFrom(parts: {
  touched: SQL
  subjects: SQL
  rowCount: SQL
  outcome: SQL
  code: SQL
  from: SQL
}): SQL {
  return sql`${columns} SELECT ${named('eventTenant')}::uuid, ${named('eventId')}::uuid, ${named('actorKind')}, ${named('actorId')}::uuid,
    ${named('onBehalfOf')}::uuid, ${named('action')}, ${named('resource')}, ${parts.touched}, ${parts.subjects}, ${parts.rowCount},
    ${parts.outcome}, ${parts.code}, ${named('purpose')}, ${named('query')}::jsonb, ${named('sealedNote')}::bytea, ${named('causeId')}::uuid, ${named('requestId')}, ${named('ip')}::inet
    FROM ${parts.from}`
}

/** The event of a change or a refusal, whose particulars are known when it is written. One statement for all of them. */
export const eventStatement: Compiled = {
  kept: 'own',
  ...compile(
    eventFrom({
      touched: sql`${named('touched')}::jsonb`,
      subjects: sql`${named('subjectIds')}::uuid[]`,
      rowCount: sql`${named('rowCount')}::int`,
      outcome: sql`${named('outcome')}`,
      code: sql`${named('code')}`,
      from: sql`(SELECT 1) AS one`,
    }),
  ),
}

/** The particulars for `eventStatement`. */
export function touchedValues(
  touched: readonly Touched[],
  outcome: Outcome,
  code: string | null,
): Record<string, unknown> {
  const subjectIds = [...new Set(touched.flatMap((one) => one.subjectIds ?? []))].filter((id) => id !== null)
  const shape = touched.map(({ resource, ids, shown, masked, changed, version }) => ({
    resource,
    ids,
    shown: shown ?? [],
    masked: masked ?? [],
    ...(changed ? { changed } : {}),
    ...(version === undefined ? {} : { version }),
  }))
  return { touched: JSON.stringify(shape), subjectIds, rowCount: touched[0]?.ids.length ?? 0, outcome, code }
}
