import { z } from 'zod'
import type { JsonRow, Tx } from '../../db/database.ts'
import { changeContext } from '../../db/seal-changes.ts'
import { named, sql } from '../../db/sql.ts'
import type { ContactKey } from '../../privacy/keyring.ts'

/** What an event keeps of one record, opened. */
export interface PastChange {
  eventId: string
  /** as the database writes it, with all digits */
  occurredAt: string
  /** where it stands among what its event keeps */
  index: number
  actorKind: string
  actorId: string | null
  onBehalfOf: string | null
  action: string
  purpose: string | null
  causeId: string | null
  resource: string
  recordId: string
  /** null: the record was made */
  before: JsonRow | null
  after: JsonRow
}

/** The change behind which to go on. */
export interface Place {
  occurredAt: string
  eventId: string
  index: number
}

interface EventRow {
  eventId: string
  occurredAt: string
  actorKind: string
  actorId: string | null
  onBehalfOf: string | null
  action: string
  purpose: string | null
  causeId: string | null
  sealed: { n: number; subject: string; text: string }[]
}

const values = z.record(z.string(), z.unknown())
const change = z.object({ resource: z.string(), id: z.string(), before: values.nullable(), after: values })

/** The keys of contacts, by their ids; those that there are (still). */
export async function keysOfContacts(tx: Tx, contactIds: readonly string[]): Promise<Map<string, ContactKey>> {
  const statement = tx.kept(
    'contact/keys',
    () =>
      sql`SELECT contact_id AS id, wrapped_key FROM app.contact_key WHERE tenant_id = ${named('tenant')}::uuid AND contact_id = ANY (${named('contacts')}::uuid[])`,
  )
  const rows = await tx.query<{ id: string; wrapped_key: Buffer }>(statement, {
    tenant: tx.principal.tenantId,
    contacts: [...contactIds],
  })
  return new Map(rows.map((row) => [row.id, tx.keys.contact(row.id, row.wrapped_key)]))
}

/**
 * The newest events that keep changes of a person, opened, from a place on.
 * @param keys of the contacts that the person is: those that were merged into one have each their own
 * @param limit of events
 * @returns the changes, and the last event that was looked at; null: there are no more
 */
export async function pastChanges(
  tx: Tx,
  keys: ReadonlyMap<string, ContactKey>,
  after: Place | null,
  limit: number,
  onlyOf?: { resource: string; field: string },
): Promise<{ changes: PastChange[]; last: Place | null }> {
  const statement = tx.kept(
    `history/${after ? 'after' : 'first'}/${onlyOf ? 'field' : 'all'}`,
    () => sql`SELECT e.event_id AS "eventId", e.occurred_at::text AS "occurredAt", e.actor_kind AS "actorKind", e.actor_id AS "actorId", e.on_behalf_of AS "onBehalfOf", e.action, e.purpose, e.cause_id AS "causeId",
        (SELECT coalesce(json_agg(json_build_object('n', c.n - 1, 'subject', c.subject, 'text', encode(c.sealed, 'base64')) ORDER BY c.n), '[]')
           FROM unnest(e.change_subjects, e.sealed_changes) WITH ORDINALITY AS c(subject, sealed, n) WHERE c.subject = ANY (${named('contacts')}::uuid[]) AND c.sealed IS NOT NULL) AS sealed
      FROM (SELECT * FROM audit.event AS e WHERE e.tenant_id = ${named('tenant')}::uuid AND e.change_subjects && ${named('contacts')}::uuid[]
        ${after ? sql`AND (e.occurred_at, e.event_id) <= (${named('at')}::timestamptz, ${named('event')}::uuid)` : sql``}
        ${
          onlyOf
            ? sql`AND EXISTS (SELECT FROM audit.shape AS s WHERE s.tenant_id = e.tenant_id AND s.shape_id = e.shape_id AND s.shape @> ${named('changed')}::jsonb)`
            : sql``
        }
        ORDER BY e.occurred_at DESC, e.event_id DESC LIMIT ${named('limit')}) AS e
      ORDER BY e.occurred_at DESC, e.event_id DESC`,
  )
  const rows = await tx.query<EventRow>(statement, {
    tenant: tx.principal.tenantId,
    contacts: [...keys.keys()],
    at: after?.occurredAt ?? null,
    event: after?.eventId ?? null,
    changed: onlyOf ? JSON.stringify([{ resource: onlyOf.resource, changed: [onlyOf.field] }]) : null,
    limit,
  })
  const changes = rows.flatMap((row) => opened(row, keys))
  const isBehind = (one: PastChange): boolean =>
    after === null || one.eventId !== after.eventId || one.occurredAt !== after.occurredAt || one.index > after.index
  const end = rows.length < limit ? undefined : rows.at(-1)
  return {
    changes: changes.filter(isBehind),
    last: end ? { occurredAt: end.occurredAt, eventId: end.eventId, index: Number.MAX_SAFE_INTEGER } : null,
  }
}

/** What does not open under its contact's key, in this event and at this place, says nothing. */
function opened({ sealed, ...event }: EventRow, keys: ReadonlyMap<string, ContactKey>): PastChange[] {
  return sealed.flatMap(({ n, subject, text }) => {
    const key = keys.get(subject)
    const found = change.safeParse(key && openedAs(key, Buffer.from(text, 'base64'), changeContext(event.eventId, n)))
    if (!found.success) return []
    const { resource, id, before, after } = found.data
    return [{ ...event, index: n, resource, recordId: id, before, after }]
  })
}

function openedAs(key: ContactKey, sealed: Buffer, context: string): unknown {
  try {
    return JSON.parse(key.open(sealed, context).toString())
  } catch {
    return null
  }
}
