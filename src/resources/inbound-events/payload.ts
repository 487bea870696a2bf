import { z } from 'zod'
import { rowsWhere, sight } from '../../access/door.ts'
import type { Principal } from '../../access/principal.ts'
import { type JsonObject, type JsonValue, parseJson } from '../../channels/json.ts'
import type { Caller, Database, ReadPlan } from '../../db/database.ts'
import { named, sql } from '../../db/sql.ts'
import { contactKey as keyTable } from '../../db/tables/contact.ts'
import { inboundEvent } from '../../db/tables/conversation.ts'
import { Problem } from '../../errors.ts'
import type { TenantKeys } from '../../privacy/keyring.ts'
import { type Frame, unframed } from './frame.ts'
import { inboundEvents } from './schema.ts'

const row = z.object({
  id: z.string(),
  sealed: z.string().nullable(),
  contactId: z.string().nullable(),
  wrappedKey: z.string().nullable(),
})

/** What a sealed payload is bound to, under whichever key. */
export const payloadContext = (eventId: string): string => `inbound/${eventId}`

/**
 * The event as the provider sent it, for those who may read its field `payload`; audited as shown.
 * @throws Problem not_found; gone when it has expired or its contact was erased
 */
export async function payloadFetch(db: Database, caller: Caller, id: string): Promise<JsonValue> {
  const keys = await db.tenantKeys(caller.principal)
  const { rows } = await db.read(caller, { action: 'read', resource: inboundEvents.name }, (principal) =>
    payloadPlan(principal, id),
  )
  const [found] = rows ?? []
  if (!found) throw new Problem('not_found', { audited: true })
  const bytes = opened(keys, row.parse(found))
  const payload = bytes && shownPayload(unframed(bytes))
  if (payload === undefined || payload === null) throw new Problem('gone', { audited: true })
  return payload
}

/** Bytes beside the JSON are told by their size, and short ones as they are. */
function shownPayload({ payload, inline, file }: Frame): JsonValue | undefined {
  const json = parseJson(payload)
  if (json === undefined || (inline === undefined && file === undefined)) return json
  const bytes: JsonObject =
    inline === undefined ? { size: file?.size ?? 0 } : { size: inline.length, base64: inline.toString('base64') }
  return { payload: json, bytes }
}

/** Only rows whose payload the principal sees in clear: for the others it might as well not exist. */
function payloadPlan(principal: Principal, id: string): ReadPlan {
  const clear = sight(principal, inboundEvents, 'payload')?.clear ?? false
  return {
    key: 'inbound-events/payload',
    wanted: id,
    values: { id },
    parts: () => [
      {
        name: 'rows',
        resource: inboundEvents.name,
        columns: sql`${inboundEvent.id} AS id, encode(${inboundEvent.sealedPayload}, 'base64') AS sealed, ${inboundEvent.contactId} AS "contactId",
          (SELECT encode(k.wrapped_key, 'base64') FROM ${keyTable} AS k WHERE k.tenant_id = ${inboundEvent.tenantId} AND k.contact_id = ${inboundEvent.contactId}) AS "wrappedKey",
          ${inboundEvent.contactId} AS "_subject"`,
        from: sql`${inboundEvent}`,
        tenant: inboundEvent.tenantId,
        where: sql`${rowsWhere(principal, inboundEvents, 'read') || sql`false`} AND ${inboundEvent.id} = ${named('id')}::uuid
          AND (${typeof clear === 'boolean' ? sql`${clear}::boolean` : clear})`,
        shown: ['payload'],
        masked: [],
        byRow: false,
      },
    ],
  }
}

/** Under the contact's key once it is known, before that under the tenant's; null when neither opens it any more. */
function opened(keys: TenantKeys, { id, sealed, contactId, wrappedKey }: z.infer<typeof row>): Buffer | null {
  if (sealed === null) return null
  const bytes = Buffer.from(sealed, 'base64')
  const attempts = [
    () => (contactId && wrappedKey ? keys.contact(contactId, Buffer.from(wrappedKey, 'base64')) : keys),
    () => keys,
  ]
  for (const key of attempts)
    try {
      return key().open(bytes, payloadContext(id))
    } catch {
      // An event can name its contact before its payload has been sealed again.
    }
  return null
}
