import { z } from 'zod'
import type { Identity, IdentityKind, Thread } from '../channels/neutral.ts'
import { touches } from '../db/audit-event.ts'
import { recordChanges } from '../db/change-values.ts'
import type { Database } from '../db/database.ts'
import { sql } from '../db/sql.ts'
import { madeUpNames } from '../resources/contacts/made-up-name.ts'
import { contactGainAll } from '../resources/contacts/queries.ts'
import { contacts } from '../resources/contacts/schema.ts'
import { systemCaller } from '../resources/tenants/create.ts'
import { channelAtWork, type Tenant } from './channel-at-work.ts'
import { nameOf } from './normalise/profile.ts'
import type { Task } from './task.ts'

const ids = z.object({
  ...{ tenantId: z.uuid(), region: z.string(), channelId: z.uuid(), contactId: z.uuid(), identityId: z.uuid() },
  conversationId: z.uuid().optional(),
})

/** A name is nice to have: with the queue's back-off these are some minutes. */
const attemptsMax = 6

/**
 * Asks the provider who somebody is, for people who came without a name. Only a name that we made up is replaced, whatever
 * somebody has entered meanwhile.
 */
export const fetchProfile: Task = async ({ db, http, log }, payload, { attempts }) => {
  const { channelId, contactId, identityId, conversationId, ...tenant } = ids.parse(payload)
  const channel = await channelAtWork(db, tenant, channelId)
  if (!channel?.type.fetchProfile) return
  const who = await asked(db, tenant, contactId, identityId, conversationId ?? null)
  const kind = channel.type.reaches.find((one) => one === who?.kind)
  if (!who || kind === undefined) return
  const identity: Identity = { kind: kind satisfies IdentityKind, value: who.value, verified: true }
  const thread: Thread | undefined =
    who.thread === null || who.thread === '' ? undefined : { id: who.thread, kind: channel.type.threadKind }
  const profile = await channel.type.fetchProfile(identity, channel.settings, http, thread).catch((error: unknown) => {
    if (attempts < attemptsMax) throw error
    log.info({ contactId, channelType: channel.type.type, attempts }, 'a profile could not be had')
    return null
  })
  const displayName = nameOf(profile?.displayName) ?? nameOf(profile?.username)
  await db.change(systemCaller(db, tenant, contactId), { action: 'import', resource: 'contacts' }, async (tx) => {
    // The provider was told whom it is about.
    tx.touch({ resource: 'identities', ids: [identityId], shown: ['value'], changed: [], subjectIds: [contactId] })
    const rows = displayName === null ? [] : await contactGainAll(tx, [{ id: contactId, displayName }])
    const own = (id: string): string => id
    tx.touch({ resource: 'contacts', ids: [contactId], changed: [] })
    for (const one of touches('contacts', rows, ['displayName'], own, recordChanges(contacts, rows, own))) tx.touch(one)
  })
}

/** The address and where it was met, while the contact is there and its name is one of ours. */
async function asked(
  db: Database,
  tenant: Tenant,
  contactId: string,
  identityId: string,
  conversationId: string | null,
): Promise<{ kind: string; value: string; thread: string | null } | null> {
  const [row] = await db.lookup<{ kind: string; value: string; thread: string | null }>(
    tenant,
    sql`SELECT i.kind, i.value, (SELECT c.thread_key FROM app.conversation c WHERE c.tenant_id = i.tenant_id AND c.id = ${conversationId}::uuid) AS thread
      FROM app.identity i JOIN app.contact p ON p.tenant_id = i.tenant_id AND p.id = i.contact_id
      WHERE i.tenant_id = ${tenant.tenantId}::uuid AND i.id = ${identityId}::uuid AND p.id = ${contactId}::uuid AND p.state = 'active' AND NOT p.restricted
        AND (p.display_name IS NULL OR p.display_name = ANY (${sql.param([...madeUpNames])}::text[]))`,
  )
  return row ?? null
}
