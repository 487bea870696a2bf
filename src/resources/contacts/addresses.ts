import { randomUUIDv7 } from 'node:crypto'
import { type Touched, touches, type Versioned } from '../../db/audit-event.ts'
import { recordChanges } from '../../db/change-values.ts'
import type { JsonRow, Tx } from '../../db/database.ts'
import { json, sql } from '../../db/sql.ts'
import { Problem } from '../../errors.ts'
import { addressOf } from '../identities/address.ts'
import { matchValue } from '../identities/match.ts'
import { identities } from '../identities/schema.ts'
import { isIdentifying } from '../identities/shared.ts'

/**
 * A contact's email and phone are its primary identities: claimed by whoever typed them, until a channel proves them.
 * Kept in step with the contact's own columns.
 */
export async function primaryIdentities(
  tx: Tx,
  contact: { id: string; businessUnitId: string },
  body: JsonRow,
): Promise<void> {
  await Promise.all(
    (['email', 'phone'] as const).map(async (kind) => {
      if (!(kind in body)) return
      const value = body[kind]
      const match = typeof value === 'string' ? matchValue(kind, value) : null
      const mine = sql`tenant_id = ${tx.principal.tenantId}::uuid AND contact_id = ${contact.id}::uuid AND kind = ${kind} AND state = 'active'`
      const [given, known] = await Promise.all([
        tx.query<ChangedAddress>(sql`UPDATE app.identity SET is_primary = false, state = CASE WHEN verified THEN state ELSE 'trashed' END, trashed_at = CASE WHEN verified THEN NULL ELSE now() END, version = version + 1, updated_at = now()
          WHERE ${mine} AND is_primary AND match_value IS DISTINCT FROM ${match}
          RETURNING id, version, json_build_object('isPrimary', true) AS before, json_build_object('isPrimary', false, 'trashedAt', trashed_at) AS after`),
        match === null
          ? []
          : tx.query<ChangedAddress & { wasPrimary: boolean }>(
              sql`WITH known AS (SELECT id, is_primary FROM app.identity WHERE ${mine} AND match_value = ${match} FOR NO KEY UPDATE)
                UPDATE app.identity AS i SET is_primary = true, version = i.version + CASE WHEN k.is_primary THEN 0 ELSE 1 END, updated_at = now() FROM known AS k
                WHERE i.tenant_id = ${tx.principal.tenantId}::uuid AND i.id = k.id
                RETURNING i.id, i.version, k.is_primary AS "wasPrimary", json_build_object('isPrimary', false) AS before, json_build_object('isPrimary', true) AS after`,
            ),
      ])
      const changed = [...given, ...known.filter((one) => !one.wasPrimary)]
      for (const one of touched(contact.id, changed, ['isPrimary', 'trashedAt'])) tx.touch(one)
      if (match === null || known.length > 0) return
      const id = randomUUIDv7()
      const identifies = await isIdentifying(tx, contact.businessUnitId, addressOf(kind, String(value), ''))
      await tx.query(sql`INSERT INTO app.identity (tenant_id, id, business_unit_id, contact_id, kind, value, match_value, is_primary, identifying, source)
        VALUES (${tx.principal.tenantId}::uuid, ${id}::uuid, ${contact.businessUnitId}::uuid, ${contact.id}::uuid, ${kind}, ${String(value)}, ${match}, true, ${identifies}, 'provided')`)
      const after = { kind, value, isPrimary: true, source: 'provided' }
      for (const one of touched(contact.id, [{ id, version: 1, before: null, after }], Object.keys(after)))
        tx.touch(one)
    }),
  )
}

interface ChangedAddress extends Versioned {
  before: JsonRow | null
  after: JsonRow
}

function touched(contactId: string, rows: readonly ChangedAddress[], fields: readonly string[]): Touched[] {
  return touches(
    'identities',
    rows,
    fields,
    () => contactId,
    recordChanges(identities, rows, () => contactId),
  )
}

/** Replaces a contact's ids in other systems. The primary key says who was first. */
export async function externalIds(
  tx: Tx,
  contact: { id: string; businessUnitId: string },
  body: JsonRow,
  isNew: boolean,
): Promise<void> {
  if (!Array.isArray(body.externalIds)) return
  if (new Set(body.externalIds.map((one) => one.system)).size < body.externalIds.length)
    throw new Problem('unprocessable', {
      errors: [{ path: '/externalIds', code: 'duplicate', message: 'A system stands once.' }],
    })
  const { tenantId } = tx.principal
  if (!isNew)
    await tx.query(
      sql`DELETE FROM app.external_id WHERE tenant_id = ${tenantId}::uuid AND contact_id = ${contact.id}::uuid`,
    )
  if (body.externalIds.length === 0) return
  try {
    await tx.query(sql`INSERT INTO app.external_id (tenant_id, business_unit_id, system, value, contact_id)
      SELECT ${tenantId}::uuid, ${contact.businessUnitId}::uuid, e.system, e.id, ${contact.id}::uuid FROM jsonb_to_recordset(${json(body.externalIds)}) AS e(system text, id text)`)
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === '23505')
      throw new Problem('already_exists', {
        errors: [
          { path: '/externalIds', code: 'already_exists', message: 'Another contact has this id in that system.' },
        ],
        cause,
      })
    throw cause
  }
}

/** `residence` is one object in the API and three columns in the table. */
export function residenceColumns(after: JsonRow, body: JsonRow): Record<string, unknown> {
  if (!('residence' in body)) return {}
  const residence = typeof after.residence === 'object' && after.residence !== null ? (after.residence as JsonRow) : {}
  return {
    residence_country: residence.country ?? null,
    residence_subdivision: residence.subdivision ?? null,
    residence_source: residence.source ?? null,
  }
}
