import type { Action } from '../access/actions.ts'
import type { Principal } from '../access/principal.ts'
import type { TenantKeys } from '../privacy/keyring.ts'
import type { RecordChange } from './change-values.ts'
import { purposeOf } from './purpose.ts'
import { type Note, noteForEvent } from './sealed-note.ts'
import { type Compiled, compile, named, type SQL, sql } from './sql.ts'

/** What a request does, named before it touches anything; goes into the audit event. */
export interface AuditEntry {
  action: Action
  resource: string
  /** Filters and sorts, values already hashed. */
  query?: unknown
  /** What is said beside it; kept sealed. */
  note?: Note
  /** What an event of a change is a sign of. */
  code?: 'quota_alert' | 'sealed_events_lost'
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
  /** What the fields were and became, of the records that concern a contact; kept sealed, and of a change only. */
  values?: readonly RecordChange[]
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
  values: readonly RecordChange[] = [],
): Touched[] {
  return [...Map.groupBy(rows, (row) => row.version)].map(([version, same]) => {
    const ids = same.map((row) => row.id)
    const own = new Set(ids)
    return {
      resource,
      ids,
      version,
      changed,
      subjectIds: ids.map((id) => subjectOf(id) ?? null),
      ...(values.length > 0 ? { values: values.filter((one) => own.has(one.id)) } : {}),
    }
  })
}

/** Where a request came from. */
export interface Meta {
  requestId: string | null
  /** The caller's address; null for the service's own work. */
  ip: string | null
  purpose: string | null
  /** Where it was asked for, as the request says it; kept sealed. */
  ticket?: string | null
  /** The keys of its tenant, for what is kept sealed. */
  keys?: () => TenantKeys
  causeId?: string | null
}

export type Outcome = 'allowed' | 'denied'

const columns = sql.raw(
  'INSERT INTO audit.event (tenant_id, event_id, actor_kind, actor_id, on_behalf_of, action, resource, shape_id, ids, counts, versions,' +
    ' row_count, outcome, code, purpose, query, sealed_note, change_subjects, sealed_changes, cause_id, request_id, ip)',
)

/** The values that every event of a principal carries, for placeholders of the same names. */
export function eventValues(
  eventId: string,
  principal: Principal,
  entry: AuditEntry,
  meta: Meta,
  sealedNote = noteForEvent(entry, meta, eventId),
): Record<string, unknown> {
  return {
    eventTenant: principal.tenantId,
    eventId,
    actorKind: principal.kind,
    actorId: principal.id,
    onBehalfOf: principal.onBehalfOf,
    action: entry.action,
    resource: entry.resource,
    purpose: purposeOf(principal, meta),
    query: entry.query === undefined ? null : JSON.stringify(entry.query),
    sealedNote,
    causeId: meta.causeId ?? null,
    requestId: meta.requestId,
    ip: meta.ip,
  }
}

/** What was touched, as SQL; see audit.event for how names, ids and contacts lie beside each other. */
export interface TouchedSql {
  /** jsonb: the names, without ids. */
  shape: SQL
  /** uuid[]: the ids of the shape's parts, then the contacts concerned that are not among them. */
  ids: SQL
  /** int[]: how many ids each part has; NULL where there is one part and all ids are its. */
  counts: SQL
  versions: SQL
  /** A step of the WITH that these stand on. */
  before?: SQL
}

/**
 * The steps that write an event, for a WITH: what was touched comes from the statement's own rows. A shape that is new
 * is written beside it.
 * @param from where `standing` says that the event is to be: without a row there is none
 */
export function eventSteps(
  parts: TouchedSql & { rowCount: SQL; outcome: SQL; code: SQL; from: SQL; changes?: { subjects: SQL; sealed: SQL } },
): SQL {
  const tenant = sql`${named('eventTenant')}::uuid`
  return sql`${parts.before ? sql`${parts.before}, ` : sql``}named AS MATERIALIZED (SELECT audit.shape_id(n.shape) AS shape_id, n.shape FROM (SELECT ${parts.shape} AS shape FROM ${parts.from}) AS n),
    shaped AS (INSERT INTO audit.shape (tenant_id, shape_id, shape) SELECT ${tenant}, named.shape_id, named.shape FROM named
      WHERE NOT EXISTS (SELECT FROM audit.shape AS k WHERE k.tenant_id = ${tenant} AND k.shape_id = named.shape_id) ON CONFLICT DO NOTHING),
    event AS (${columns} SELECT ${tenant}, ${named('eventId')}::uuid, ${named('actorKind')}, ${named('actorId')}::uuid,
    ${named('onBehalfOf')}::uuid, ${named('action')}, ${named('resource')}, named.shape_id, ${parts.ids}, ${parts.counts}, ${parts.versions}, ${parts.rowCount},
    ${parts.outcome}, ${parts.code}, ${named('purpose')}, ${named('query')}::jsonb, ${named('sealedNote')}::bytea, ${parts.changes?.subjects ?? sql`NULL::uuid[]`}, ${parts.changes?.sealed ?? sql`NULL::bytea[]`},
    ${named('causeId')}::uuid, ${named('requestId')}, ${named('ip')}::inet FROM named)`
}

/** The event of a change or a refusal, whose particulars are known when it is written. One statement for all of them. */
export const eventStatement: Compiled = {
  kept: 'own',
  ...compile(
    sql`WITH ${eventSteps({
      shape: sql`${named('shape')}::jsonb`,
      ids: sql`${named('ids')}::uuid[]`,
      counts: sql`${named('counts')}::int[]`,
      versions: sql`${named('versions')}::int[]`,
      rowCount: sql`${named('rowCount')}::int`,
      outcome: sql`${named('outcome')}`,
      code: sql`${named('code')}`,
      from: sql`(SELECT 1) AS one`,
      changes: { subjects: sql`${named('changeSubjects')}::uuid[]`, sealed: sql`${named('sealedChanges')}::bytea[]` },
    })} SELECT`,
  ),
}

/** What fields were and became, sealed: one for each record, under the key of the contact that it concerns. */
export interface SealedChange {
  subjectId: string
  sealed: Buffer
}

/** The particulars for `eventStatement`. */
export function touchedValues(
  touched: readonly Touched[],
  outcome: Outcome,
  code: string | null,
  changes: readonly SealedChange[] = [],
): Record<string, unknown> {
  const parts = touched.map((part) => ({ ...part, ids: part.ids.filter(isUuid) }))
  const own = parts.flatMap((part) => part.ids)
  const contacts = new Set(parts.flatMap((part) => (part.resource === 'contacts' ? part.ids : [])))
  const subjects = new Set(touched.flatMap((part) => part.subjectIds ?? []).filter((id) => id !== null))
  const others = [...subjects].filter((id) => !contacts.has(id))
  const versions = parts.map(({ version }) => version ?? null)
  return {
    shape: JSON.stringify(
      parts.map(({ resource, shown, masked, changed }) => ({
        resource,
        shown: shown ?? [],
        masked: masked ?? [],
        ...(changed ? { changed } : {}),
      })),
    ),
    ids: [...own, ...others],
    counts: parts.length === 1 && others.length === 0 ? null : parts.map(({ ids }) => ids.length),
    versions: versions.some((version) => version !== null) ? versions : null,
    rowCount: parts[0]?.ids.length ?? 0,
    outcome,
    code,
    changeSubjects: changes.length > 0 ? changes.map((one) => one.subjectId) : null,
    sealedChanges: changes.length > 0 ? changes.map((one) => one.sealed) : null,
  }
}

/** What a refused request names may be no id at all. */
export const isUuid = (id: string): boolean => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id)
