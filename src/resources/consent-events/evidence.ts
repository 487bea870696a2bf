import { z } from 'zod'
import { rowsWhere, sight } from '../../access/door.ts'
import type { Principal } from '../../access/principal.ts'
import type { Caller, Database, ReadPlan } from '../../db/database.ts'
import { named, sql } from '../../db/sql.ts'
import { contactKey as keyTable } from '../../db/tables/contact.ts'
import { consentEvent } from '../../db/tables/privacy.ts'
import { Problem } from '../../errors.ts'
import { evidenceContext } from '../../privacy/consent-events.ts'
import { consentEvents, evidenceShape } from './schema.ts'

const row = z.object({
  sealed: z.string().nullable(),
  keyContactId: z.string().nullable(),
  wrappedKey: z.string().nullable(),
})

/**
 * The words of a consent event, for those who may read its field `evidence`; audited as shown.
 * @throws Problem not_found; gone where none are kept, or not any more
 */
export async function evidenceFetch(db: Database, caller: Caller, id: string): Promise<z.infer<typeof evidenceShape>> {
  const keys = await db.tenantKeys(caller.principal)
  const { rows } = await db.read(caller, { action: 'read', resource: consentEvents.name }, (principal) =>
    evidencePlan(principal, id),
  )
  const [found] = rows ?? []
  if (!found) throw new Problem('not_found', { audited: true })
  const { sealed, keyContactId, wrappedKey } = row.parse(found)
  if (sealed === null || keyContactId === null || wrappedKey === null) throw new Problem('gone', { audited: true })
  const key = keys.contact(keyContactId, Buffer.from(wrappedKey, 'base64'))
  const text = key.open(Buffer.from(sealed, 'base64'), evidenceContext(id)).toString()
  return evidenceShape.parse(JSON.parse(text))
}

/** Only rows whose evidence the principal sees in clear: for the others it might as well not exist. */
function evidencePlan(principal: Principal, id: string): ReadPlan {
  const clear = sight(principal, consentEvents, 'evidence')?.clear ?? false
  const { keyContactId, tenantId } = consentEvent
  return {
    key: 'consent-events/evidence',
    wanted: id,
    values: { id },
    parts: () => [
      {
        name: 'rows',
        resource: consentEvents.name,
        columns: sql`${consentEvent.id} AS id, encode(${consentEvent.sealedEvidence}, 'base64') AS sealed, ${keyContactId} AS "keyContactId",
          (SELECT encode(k.wrapped_key, 'base64') FROM ${keyTable} AS k WHERE k.tenant_id = ${tenantId} AND k.contact_id = ${keyContactId}) AS "wrappedKey",
          ${consentEvent.contactId} AS "_subject"`,
        from: sql`${consentEvent}`,
        tenant: tenantId,
        where: sql`${rowsWhere(principal, consentEvents, 'read') || sql`false`} AND ${consentEvent.id} = ${named('id')}::uuid
          AND (${typeof clear === 'boolean' ? sql`${clear}::boolean` : clear})`,
        shown: ['evidence'],
        masked: [],
        byRow: false,
      },
    ],
  }
}
