import { liveWhere, rowsWhere } from '../../access/door.ts'
import { channelType } from '../../channels/index.ts'
import type { JsonRow, Tx } from '../../db/database.ts'
import { referenced, ruled, unknownReference } from '../../db/reference.ts'
import { sql } from '../../db/sql.ts'
import { type Fault, Problem } from '../../errors.ts'
import { channels } from '../channels/schema.ts'
import { contacts } from '../contacts/schema.ts'
import { identities } from '../identities/schema.ts'
import { conversations } from './schema.ts'

/**
 * What a new conversation takes over from its contact and its channel, once the three that it joins fit together: the
 * address is the contact's, the channel can reach it, and both belong to the contact's business unit.
 * @throws Problem unprocessable; what the caller does not see is as unknown as what does not exist
 */
export async function startFields(tx: Tx, body: JsonRow): Promise<JsonRow> {
  const [contact, identity, channel] = await Promise.all([
    referenced(tx, contacts, String(body.contactId), true),
    referenced(tx, identities, String(body.identityId)),
    referenced(tx, channels, String(body.channelId)),
  ])
  const faults: Fault[] = []
  if (!contact) faults.push(unknownReference('/contactId'))
  if (!identity || (contact && identity.contactId !== contact.id)) faults.push(unknownReference('/identityId'))
  if (!channel || (contact && channel.businessUnitId !== contact.businessUnitId))
    faults.push(unknownReference('/channelId'))
  if (!contact || !identity || !channel || faults.length > 0) throw ruled(...faults)
  const reaches: readonly string[] = channelType(String(channel.type))?.reaches ?? []
  const isElsewhere = identity.channelId !== null && identity.channelId !== channel.id
  if (isElsewhere || !reaches.includes(String(identity.kind)))
    throw ruled({
      path: '/identityId',
      code: 'not_reachable',
      message: 'The channel cannot send to an address of this kind.',
    })
  return {
    businessUnitId: contact.businessUnitId,
    channel: channel.type,
    purpose: body.purpose ?? tx.principal.purpose,
  }
}

/**
 * There is one continuous conversation per address and channel.
 * @throws Problem already_exists, naming the one that there is to whoever sees it
 */
export async function refuseSecond(tx: Tx, body: JsonRow): Promise<void> {
  const { principal } = tx
  const rows = rowsWhere(principal, conversations, 'read')
  const visible = rows ? sql`${rows} AND ${liveWhere(principal, conversations)}` : sql`false`
  const [known] = await tx.query<{ id: string; visible: boolean }>(
    sql`SELECT id, ${visible} AS visible FROM ${conversations.table} WHERE tenant_id = ${principal.tenantId}::uuid
      AND channel_id = ${body.channelId}::uuid AND identity_id = ${body.identityId}::uuid AND thread_key = ''`,
  )
  if (known) throw new Problem('already_exists', known.visible ? { extra: { existingId: known.id } } : {})
}
