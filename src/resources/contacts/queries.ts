import type { JsonObject } from '../../channels/json.ts'
import type { Changed } from '../../db/change-values.ts'
import type { Tx } from '../../db/database.ts'
import { named, sql } from '../../db/sql.ts'
import { contactsInScope, type PeopleScope, peopleValues } from '../identities/queries.ts'
import { madeUpNames } from './made-up-name.ts'

/** A contact as far as events that come in need it. */
/** What intake may tell of a person beside names and addresses, by its column. */
const toldColumns = {
  givenName: 'given_name',
  familyName: 'family_name',
  company: 'company',
  jobTitle: 'job_title',
  language: 'language',
  timezone: 'timezone',
  intent: 'intent',
} as const
export type ToldFields = Partial<Record<keyof typeof toldColumns, string>>
export const toldFieldNames = Object.keys(toldColumns)
const toldNames = sql.raw(Object.values(toldColumns).join())
const toldPairs = (row: string): string =>
  Object.entries(toldColumns)
    .map(([name, column]) => `'${name}', ${row}.${column}`)
    .join()
/** As members of a JSON row. */
const toldRow = sql.raw(
  Object.keys(toldColumns)
    .map((name) => `"${name}" text`)
    .join(),
)
const toldValues = sql.raw(
  Object.keys(toldColumns)
    .map((name) => `w."${name}"`)
    .join(),
)
const toldSets = sql.raw(
  Object.entries(toldColumns)
    .map(([name, column]) => `${column} = coalesce(c.${column}, w."${name}")`)
    .join(),
)

export interface KnownContact {
  id: string
  displayName: string | null
  email: string | null
  phone: string | null
  country: string | null
  /** those that have a value */
  told: ToldFields
  /** the keys of those that have a value */
  customFields: JsonObject
  state: string
  mergedIntoId: string | null
  wrappedKey: Buffer | null
}

/** The contacts in the scope. */
export async function contactListAround(tx: Tx, scope: PeopleScope): Promise<KnownContact[]> {
  const statement = tx.kept(
    'contact/around',
    () => sql`SELECT c.id, c.display_name AS "displayName", c.email, c.phone, c.country, jsonb_strip_nulls(jsonb_build_object(${sql.raw(toldPairs('c'))})) AS told,
        (SELECT coalesce(jsonb_object_agg(f.key, true), '{}') FROM app.contact_custom_value v JOIN app.custom_field f ON f.tenant_id = v.tenant_id AND f.id = v.field_id
          WHERE v.tenant_id = c.tenant_id AND v.contact_id = c.id AND f.state = 'active') AS "customFields", c.state, c.merged_into_id AS "mergedIntoId", k.wrapped_key AS "wrappedKey"
      FROM app.contact c LEFT JOIN app.contact_key k ON k.tenant_id = c.tenant_id AND k.contact_id = c.id
      WHERE c.tenant_id = ${named('tenant')}::uuid AND c.id = ANY (${contactsInScope()})`,
  )
  return tx.query<KnownContact>(statement, peopleValues(tx, scope))
}

export interface NewContact extends ToldFields {
  id: string
  displayName: string
  email: string | null
  phone: string | null
  country: string | null
  teamId: string | null
  source: string
  /** base64 */
  wrappedKey: string
}

/** Makes contacts, each with its key. */
export async function contactInsertAll(tx: Tx, unitId: string, rows: readonly NewContact[]): Promise<void> {
  const statement = tx.kept(
    'contact/insert',
    () => sql`WITH w AS (SELECT * FROM jsonb_to_recordset(${named('rows')}::jsonb) AS w(id uuid, "displayName" text, email text, phone text, country text, "teamId" uuid, source text, "wrappedKey" text, ${toldRow})),
      made AS (INSERT INTO app.contact (tenant_id, id, business_unit_id, display_name, email, phone, country, team_id, source, ${toldNames})
        SELECT ${named('tenant')}::uuid, w.id, ${named('unit')}::uuid, w."displayName", w.email, w.phone, w.country, w."teamId", w.source, ${toldValues} FROM w)
      INSERT INTO app.contact_key (tenant_id, contact_id, wrapped_key) SELECT ${named('tenant')}::uuid, w.id, decode(w."wrappedKey", 'base64') FROM w`,
  )
  await tx.query(statement, { tenant: tx.principal.tenantId, unit: unitId, rows: JSON.stringify(rows) })
}

/** What an event tells of a contact that is known. Only what is empty is filled, except for a phone that was replaced. */
export interface ContactGain extends ToldFields {
  id: string
  displayName?: string
  email?: string
  phone?: string
  /** the phone that `phone` takes the place of */
  replacedPhone?: string
  country?: string
  customFields?: JsonObject
  /** out of the trash */
  restores?: boolean
}

export async function contactGainAll(tx: Tx, rows: readonly ContactGain[]): Promise<Changed[]> {
  const fields = (row: string) =>
    sql.raw(
      ['displayName', 'email', 'phone', 'country', 'trashedAt']
        .map((name) => `'${name}', ${row}.${name.replace(/[A-Z]/, (letter) => `_${letter.toLowerCase()}`)}`)
        .concat(toldPairs(row))
        .join(),
    )
  const statement = tx.kept(
    'contact/gain',
    () => sql`WITH o AS (SELECT id, display_name, email, phone, country, trashed_at, ${toldNames} FROM app.contact
        WHERE tenant_id = ${named('tenant')}::uuid AND id = ANY (${named('ids')}::uuid[]) FOR NO KEY UPDATE)
      UPDATE app.contact c SET
        display_name = CASE WHEN c.display_name IS NULL OR c.display_name = ANY (${named('madeUp')}::text[]) THEN coalesce(w."displayName", c.display_name) ELSE c.display_name END,
        email = coalesce(c.email, w.email), phone = CASE WHEN c.phone = w."replacedPhone" THEN w.phone ELSE coalesce(c.phone, w.phone) END,
        country = coalesce(c.country, w.country), ${toldSets},
        state = CASE WHEN w.restores AND c.state = 'trashed' THEN 'active' ELSE c.state END, trashed_at = CASE WHEN w.restores AND c.state = 'trashed' THEN NULL ELSE c.trashed_at END,
        version = c.version + 1, updated_at = now()
      FROM jsonb_to_recordset(${named('rows')}::jsonb) AS w(id uuid, "displayName" text, email text, phone text, "replacedPhone" text, country text, restores boolean, ${toldRow}) JOIN o ON o.id = w.id
      WHERE c.tenant_id = ${named('tenant')}::uuid AND c.id = o.id
      RETURNING c.id, c.version, json_build_object(${fields('o')}) AS before, json_build_object(${fields('c')}) AS after`,
  )
  const ids = rows.map((row) => row.id)
  const values = { tenant: tx.principal.tenantId, madeUp: [...madeUpNames], ids, rows: JSON.stringify(rows) }
  return tx.query(statement, values)
}
