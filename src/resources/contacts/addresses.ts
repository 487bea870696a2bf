import { randomUUIDv7 } from 'node:crypto'
import type { JsonRow, Tx } from '../../db/database.ts'
import { json, sql } from '../../db/sql.ts'
import { Problem } from '../../errors.ts'
import { matchValue } from '../identities/match.ts'

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
      const [, known] = await Promise.all([
        tx.query(sql`UPDATE app.identity SET is_primary = false, state = CASE WHEN verified THEN state ELSE 'trashed' END, trashed_at = CASE WHEN verified THEN NULL ELSE now() END, version = version + 1, updated_at = now()
          WHERE ${mine} AND is_primary AND match_value IS DISTINCT FROM ${match}`),
        match === null
          ? []
          : tx.query(
              sql`UPDATE app.identity SET is_primary = true, updated_at = now() WHERE ${mine} AND match_value = ${match} RETURNING id`,
            ),
      ])
      if (match === null || known.length > 0) return
      await tx.query(sql`INSERT INTO app.identity (tenant_id, id, business_unit_id, contact_id, kind, value, match_value, is_primary, source)
        VALUES (${tx.principal.tenantId}::uuid, ${randomUUIDv7()}::uuid, ${contact.businessUnitId}::uuid, ${contact.id}::uuid, ${kind}, ${String(value)}, ${match}, true, 'provided')`)
    }),
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
