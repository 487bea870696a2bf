import { liveWhere, rowsWhere, sight } from '../../access/door.ts'
import type { ResourceModel } from '../../access/model.ts'
import type { JsonRow, Tx } from '../../db/database.ts'
import { array, type SQL, sql } from '../../db/sql.ts'
import { missing } from '../../db/tombstone.ts'
import { namesIn, present, viewOf } from '../../db/view.ts'
import { madeUpNames } from '../contacts/made-up-name.ts'
import { contacts } from '../contacts/schema.ts'
import { addressOf, kindsOf } from '../identities/address.ts'
import { identities } from '../identities/schema.ts'

/** What may speak for two contacts being one person, and how much: as the share of doubt that it takes away. */
export const reasonCodes = {
  provider_says_same: { weight: 0.9, says: 'A provider has named addresses of both as those of one person.' },
  same_phone: { weight: 0.8, says: 'Both have the same number, in whatever national form.' },
  same_email: { weight: 0.7, says: 'Both have the same email.' },
  same_external_id: { weight: 0.5, says: 'Two other systems know them by the same id.' },
  same_name_and_birth_date: { weight: 0.6, says: 'They have the same name and date of birth.' },
  same_name_and_country: { weight: 0.3, says: 'They have the same name and country.' },
} as const
export type ReasonCode = keyof typeof reasonCodes

const isReason = (code: string): code is ReasonCode => Object.hasOwn(reasonCodes, code)

/** So many candidates are looked at for each reason. */
const candidatesMax = 500

/**
 * The contacts of the same business unit that may be the same person as this one, as far as the caller could find out
 * by itself: it must see the candidate, and in clear, of both, what speaks for it.
 * @throws Problem not_found, gone, erased
 */
export async function suggestionList(tx: Tx, contactId: string, limit: number): Promise<JsonRow[]> {
  const { principal } = tx
  const own = rowsWhere(principal, contacts, 'read')
  const readable = own || sql`false`
  const [found] = await tx.query(
    sql`SELECT ${contacts.id} AS id FROM ${contacts.table} WHERE ${contacts.tenant} = ${principal.tenantId}::uuid AND ${contacts.id} = ${contactId}::uuid AND ${readable} AND ${liveWhere(principal, contacts)}`,
  )
  if (!found) throw await missing(tx, contacts, contactId)
  const reasons = new Map<string, Set<ReasonCode>>()
  const rows = [
    ...(await byProvider(tx, contactId)),
    ...(await byAddress(tx, contactId)),
    ...(await byExternalId(tx, contactId)),
    ...(await byName(tx, contactId)),
  ]
  for (const { id, code } of rows) {
    if (!isReason(code)) continue
    const known = reasons.get(id) ?? new Set()
    reasons.set(id, known.add(code))
  }
  const candidates = await visible(tx, contactId, [...reasons.keys()])
  const scored = candidates
    .map(({ id, ...rest }) => {
      const codes = [...(reasons.get(id) ?? [])].sort((a, b) => reasonCodes[b].weight - reasonCodes[a].weight)
      const doubt = codes.reduce((left, code) => left * (1 - reasonCodes[code].weight), 1)
      return { id, ...rest, codes, score: Math.round((1 - doubt) * 100) / 100 }
    })
    .sort((a, b) => b.score - a.score || (a.id < b.id ? 1 : -1))
    .slice(0, limit)
  tx.touch({ resource: contacts.name, ids: [contactId], subjectIds: [contactId] })
  for (const { id, seen } of scored)
    tx.touch({ resource: contacts.name, ids: [id], ...seen, subjectIds: [id, contactId] })
  return scored.map(({ id, record, codes, score }) => ({
    contactId: id,
    score,
    reasons: codes.map((code) => ({ code })),
    contact: record,
  }))
}

interface Found {
  id: string
  code: string
}

/** Where the caller sees these fields in clear, as SQL over the rows of the resource; false: nowhere. */
function clearWhere(tx: Tx, model: ResourceModel, names: readonly string[]): SQL | false {
  const rows = rowsWhere(tx.principal, model, 'read')
  if (!rows) return false
  const parts = [rows]
  for (const name of names) {
    const clear = sight(tx.principal, model, name)?.clear ?? false
    if (clear === false) return false
    if (clear !== true) parts.push(sql`(${clear})`)
  }
  return sql.join(parts, sql` AND `)
}

/** Addresses that both have, claimed or verified; those that tell who somebody is. */
async function byAddress(tx: Tx, contactId: string): Promise<Found[]> {
  const clear = clearWhere(tx, identities, ['kind', 'value', 'contactId'])
  if (!clear) return []
  const rows = (which: SQL): SQL =>
    sql`SELECT ${identities.id} AS id, identity.contact_id AS contact, identity.kind, identity.value, identity.match_value AS match FROM ${identities.table}
      WHERE ${identities.tenant} = ${tx.principal.tenantId}::uuid AND identity.state = 'active' AND identity.identifying AND identity.channel_id IS NULL AND ${which} AND ${clear}`
  const mine = await tx.query<{ kind: string; value: string }>(rows(sql`identity.contact_id = ${contactId}::uuid`))
  const forms = mine.map(({ kind, value }) => ({ kinds: kindsOf(kind), ...addressOf(kind, value, '') }))
  if (forms.length === 0) return []
  const variants = array([...new Set(forms.flatMap((one) => one.variants))], 'text')
  const theirs = await tx.query<{ contact: string; kind: string; match: string }>(
    sql`${rows(sql`identity.match_value = ANY (${variants}) AND identity.contact_id <> ${contactId}::uuid`)} LIMIT ${candidatesMax}`,
  )
  return theirs.flatMap(({ contact, kind, match }) => {
    const isSame = forms.some((one) => one.kinds.includes(kind) && one.variants.includes(match))
    if (!isSame) return []
    return [{ id: contact, code: kind === 'email' ? 'same_email' : 'same_phone' }]
  })
}

/** A provider has said so; told to whoever sees in clear that both have addresses, since it is of these that it spoke. */
async function byProvider(tx: Tx, contactId: string): Promise<Found[]> {
  const clear = clearWhere(tx, identities, ['kind', 'value', 'contactId'])
  if (!clear) return []
  const tenant = sql`${tx.principal.tenantId}::uuid`
  const isSeen = (id: SQL): SQL =>
    sql`EXISTS (SELECT FROM ${identities.table} WHERE ${identities.tenant} = ${tenant} AND identity.contact_id = ${id} AND identity.state = 'active' AND ${clear})`
  const said = sql`SELECT h.other_id AS id FROM app.merge_hint h WHERE h.tenant_id = ${tenant} AND h.contact_id = ${contactId}::uuid
    UNION SELECT h.contact_id FROM app.merge_hint h WHERE h.tenant_id = ${tenant} AND h.other_id = ${contactId}::uuid`
  return tx.query<Found & Record<string, unknown>>(
    sql`SELECT s.id, 'provider_says_same' AS code FROM (${said} LIMIT ${candidatesMax}) AS s WHERE ${isSeen(sql`s.id`)} AND ${isSeen(sql`${contactId}::uuid`)}`,
  )
}

/** The same id in two other systems; in one system it has one holder. */
async function byExternalId(tx: Tx, contactId: string): Promise<Found[]> {
  const clear = clearWhere(tx, contacts, ['externalIds'])
  if (!clear) return []
  const { tenantId } = tx.principal
  return tx.query<Found & Record<string, unknown>>(
    sql`WITH mine AS (SELECT x.system, x.value, x.business_unit_id FROM app.external_id x WHERE x.tenant_id = ${tenantId}::uuid AND x.contact_id = ${contactId}::uuid
        AND EXISTS (SELECT FROM ${contacts.table} WHERE ${contacts.tenant} = ${tenantId}::uuid AND ${contacts.id} = ${contactId}::uuid AND ${clear}))
      SELECT DISTINCT x.contact_id AS id, 'same_external_id' AS code FROM mine m JOIN app.external_id x ON x.tenant_id = ${tenantId}::uuid AND x.business_unit_id = m.business_unit_id
        AND x.value = m.value AND x.system <> m.system AND x.contact_id <> ${contactId}::uuid
      WHERE EXISTS (SELECT FROM ${contacts.table} WHERE ${contacts.tenant} = ${tenantId}::uuid AND ${contacts.id} = x.contact_id AND ${clear}) LIMIT ${candidatesMax}`,
  )
}

/** The same name, and beside it something that not everybody of that name has. */
async function byName(tx: Tx, contactId: string): Promise<Found[]> {
  const found: Found[] = []
  for (const [code, field, column] of [
    ['same_name_and_birth_date', 'birthDate', sql`contact.birth_date`],
    ['same_name_and_country', 'country', sql`contact.country`],
  ] as const) {
    const clear = clearWhere(tx, contacts, ['displayName', field])
    if (!clear) continue
    const { tenantId } = tx.principal
    const [mine] = await tx.query<{ name: string; value: string }>(
      sql`SELECT contact.display_name AS name, ${column}::text AS value FROM ${contacts.table} WHERE ${contacts.tenant} = ${tenantId}::uuid AND ${contacts.id} = ${contactId}::uuid AND ${clear}
        AND contact.display_name IS NOT NULL AND ${column} IS NOT NULL`,
    )
    if (!mine || madeUpNames.has(mine.name)) continue
    found.push(
      ...(await tx.query<Found & Record<string, unknown>>(
        sql`SELECT ${contacts.id} AS id, ${code}::text AS code FROM ${contacts.table} WHERE ${contacts.tenant} = ${tenantId}::uuid AND app.fold(contact.display_name) = app.fold(${mine.name}::text)
          AND ${column}::text = ${mine.value} AND contact.state = 'active' AND ${contacts.id} <> ${contactId}::uuid AND ${clear} LIMIT ${candidatesMax}`,
      )),
    )
  }
  return found
}

/** Those among the candidates that the caller sees, of the same business unit, of whom nobody has said no. */
async function visible(
  tx: Tx,
  contactId: string,
  ids: readonly string[],
): Promise<{ id: string; record: JsonRow; seen: ReturnType<typeof namesIn> }[]> {
  const { principal } = tx
  const rows = rowsWhere(principal, contacts, 'read')
  if (!rows || ids.length === 0) return []
  const view = viewOf(principal, contacts)
  const tenant = sql`${principal.tenantId}::uuid`
  const found = await tx.query<{ id: string; view: JsonRow }>(
    sql`SELECT ${contacts.id} AS id, (SELECT row_to_json(v) FROM (SELECT ${view.columns}) AS v) AS view FROM ${contacts.table}
      WHERE ${contacts.tenant} = ${tenant} AND ${contacts.id} = ANY (${array(ids, 'uuid')}) AND contact.state = 'active' AND ${rows}
        AND contact.business_unit_id = (SELECT o.business_unit_id FROM app.contact o WHERE o.tenant_id = ${tenant} AND o.id = ${contactId}::uuid)
        AND NOT EXISTS (SELECT FROM app.merge_dismissal d WHERE d.tenant_id = ${tenant}
          AND (d.contact_id, d.other_id) = (least(contact.id, ${contactId}::uuid), greatest(contact.id, ${contactId}::uuid)))`,
  )
  return found.map(({ id, view: row }) => ({ id, record: present(contacts, view, row), seen: namesIn(view, row) }))
}
