import { liveWhere, rowsWhere } from '../../access/door.ts'
import type { Tx } from '../../db/database.ts'
import { type PastValue, type ShownValue, shownValues } from '../../db/past-values.ts'
import { named, sql } from '../../db/sql.ts'
import { missing } from '../../db/tombstone.ts'
import { utc } from '../../db/view.ts'
import { Problem } from '../../errors.ts'
import { contactsOf } from '../../privacy/erasure-locks.ts'
import type { ContactKey } from '../../privacy/keyring.ts'
import { contacts } from '../contacts/schema.ts'
import { inboundEvents } from '../inbound-events/schema.ts'
import { knownActors } from './actors.ts'
import { keysOfContacts, type PastChange, type Place, pastChanges } from './past-changes.ts'
import type { HistoryEntry } from './schema.ts'

/** How many events are opened at a time, at least: most of them may hold nothing that the principal sees. */
const batchMin = 50
/** And at most, where nothing has been found yet. */
const batchMax = 1_000
/** After so many events a page may be short; only after many more it may be empty. */
const eventsMax = { short: 2_000, empty: 40_000 }
/** With more changes of country than this, nobody looks through them all. */
const countriesMax = 500

/** A change with what is seen of it. */
interface Seen {
  change: PastChange
  fields: { name: string; value: ShownValue }[]
}

/**
 * A page of what was changed about a contact, newest first: each value as the principal would see it if the record had
 * it today. What it does not see might as well not have changed.
 * @throws Problem not_found, erased
 */
export async function historyList(
  tx: Tx,
  contactId: string,
  question: { limit: number; after: Place | null },
): Promise<{ data: HistoryEntry[]; last: Place | null }> {
  const { limit } = question
  const country = await countryOf(tx, contactId)
  // Whoever was merged into the contact is the same person: what was changed about them belongs to it.
  const people = await contactsOf(tx, contactId)
  const keys = await keysOfContacts(tx, people)
  const found: Seen[] = []
  let place = question.after
  if (keys.size > 0) {
    let countries: Promise<(string | null)[] | null> | null = null
    const countriesOf = () => (countries ??= countriesEver(tx, keys, country))
    let size = Math.max(batchMin, limit + 2)
    for (let looked = 0; found.length <= limit; ) {
      const { changes, last } = await pastChanges(tx, keys, place, size)
      found.push(...(await seenOf(tx, changes, people, countriesOf)))
      place = last
      looked += size
      if (!last || looked >= (found.length > 0 ? eventsMax.short : eventsMax.empty)) break
      if (found.length === 0) size = Math.min(2 * size, batchMax)
    }
  }
  const page = found.slice(0, limit)
  const end = page.at(-1)?.change
  touch(tx, contactId, page)
  return {
    data: await entries(tx, page),
    last: found.length > limit && end ? { ...end } : place === question.after ? null : place,
  }
}

/** The contact's country of today. The contact must be there for the principal. */
async function countryOf(tx: Tx, contactId: string): Promise<string | null> {
  const { principal } = tx
  const rows = rowsWhere(principal, contacts, 'read')
  if (!rows) throw new Problem('not_found', { recordIds: [contactId] })
  const statement = tx.kept(
    'history/contact',
    () => sql`SELECT ${contacts.fields.get('country')?.value} AS country FROM ${contacts.table}
      WHERE ${contacts.tenant} = ${named('tenant')}::uuid AND ${contacts.id} = ${named('contact')}::uuid AND ${rows} AND ${liveWhere(principal, contacts)}`,
  )
  const [row] = await tx.query<{ country: string | null }>(statement, {
    tenant: principal.tenantId,
    contact: contactId,
  })
  if (!row) throw await missing(tx, contacts, contactId)
  return row.country
}

/** All countries that the contact has been in: texts were written under one of them. null: too many to say. */
async function countriesEver(
  tx: Tx,
  keys: ReadonlyMap<string, ContactKey>,
  today: string | null,
): Promise<(string | null)[] | null> {
  const field = { resource: contacts.name, field: 'country' }
  const { changes, last } = await pastChanges(tx, keys, null, countriesMax, field)
  if (last) return null
  const all = changes.flatMap(({ before, after }) => [before?.country, after.country])
  return [...new Set([today, ...all.filter((one) => typeof one === 'string')])]
}

async function seenOf(
  tx: Tx,
  changes: readonly PastChange[],
  people: readonly string[],
  countriesOf: () => Promise<(string | null)[] | null>,
): Promise<Seen[]> {
  const values = changes.flatMap((change, i) =>
    Object.keys(change.after).map((field): PastValue & { i: number } => ({
      i,
      eventId: change.eventId,
      resource: change.resource,
      id: change.recordId,
      field,
      before: change.before?.[field] ?? null,
      after: change.after[field] ?? null,
    })),
  )
  const shown = await shownValues(tx, values, countriesOf, people)
  const seen = changes.map((change): Seen => ({ change, fields: [] }))
  for (const [n, { i, field }] of values.entries()) {
    const value = shown[n]
    if (value) seen[i]?.fields.push({ name: field, value })
  }
  return seen.filter(({ fields }) => fields.length > 0)
}

/** What was shown, by resource. The contact is on record even where nothing of it was. */
function touch(tx: Tx, contactId: string, page: readonly Seen[]): void {
  const byResource = Map.groupBy(page, ({ change }) => change.resource)
  for (const resource of new Set([contacts.name, ...byResource.keys()])) {
    const own = byResource.get(resource) ?? []
    const names = (isMasked: boolean): string[] => [
      ...new Set(
        own.flatMap(({ fields }) => fields.filter((one) => one.value.isMasked === isMasked).map((one) => one.name)),
      ),
    ]
    const shown = names(false)
    const records = own.map(({ change }) => change.recordId)
    const ids = [...new Set(resource === contacts.name ? [contactId, ...records] : records)]
    tx.touch({
      resource,
      ids,
      shown,
      masked: names(true).filter((name) => !shown.includes(name)),
      subjectIds: [contactId],
    })
  }
}

async function entries(tx: Tx, page: readonly Seen[]): Promise<HistoryEntry[]> {
  const isKnown = await knownActors(
    tx,
    page.map(({ change }) => change),
  )
  const knowsCauses = tx.principal.ability.may('read', inboundEvents.name)
  return page.map(({ change, fields }) => {
    const { eventId, occurredAt, actorKind, actorId, onBehalfOf, action, resource, recordId, purpose, causeId } = change
    return {
      eventId,
      occurredAt: utc(occurredAt),
      actor: {
        kind: actorKind,
        ...(actorId !== null && isKnown(actorId) ? { id: actorId } : {}),
        ...(onBehalfOf !== null && isKnown(onBehalfOf) ? { onBehalfOf } : {}),
      },
      action,
      resource,
      recordId,
      changes: fields.map(({ name, value: { before, after, isMasked } }) => ({
        field: name,
        ...(before === undefined ? {} : { before }),
        ...(after === undefined ? {} : { after }),
        ...(isMasked ? { masked: true as const } : {}),
      })),
      ...(purpose === null ? {} : { purpose }),
      ...(causeId !== null && knowsCauses ? { causeId } : {}),
    }
  })
}
