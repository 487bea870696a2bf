import { z } from 'zod'
import type { Profile } from '../channels/channel.ts'
import type { Identity, IdentityKind, Party, Thread } from '../channels/neutral.ts'
import { touches } from '../db/audit-event.ts'
import { recordChanges } from '../db/change-values.ts'
import type { Database } from '../db/database.ts'
import { sql } from '../db/sql.ts'
import { madeUpNames } from '../resources/contacts/made-up-name.ts'
import { type ContactGain, contactGainAll } from '../resources/contacts/queries.ts'
import { contacts } from '../resources/contacts/schema.ts'
import { systemCaller } from '../resources/tenants/create.ts'
import { channelAtWork, type Tenant } from './channel-at-work.ts'
import { nameOf, toldOf } from './normalise/profile.ts'
import type { Task } from './task.ts'

const ids = z.object({
  ...{ tenantId: z.uuid(), region: z.string(), channelId: z.uuid(), contactId: z.uuid(), identityId: z.uuid() },
  conversationId: z.uuid().optional(),
})

/** A name is nice to have: with the queue's back-off these are some minutes. */
const attemptsMax = 6

/**
 * Asks the provider who somebody is, for people who came without a name. Only what is empty is filled, and a name that we
 * made up replaced, whatever somebody has entered meanwhile. A country is not among it: a language's region is none.
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
  const gained = gainOf(profile, who)
  const fields = Object.keys(gained)
  await db.change(systemCaller(db, tenant, contactId), { action: 'import', resource: 'contacts' }, async (tx) => {
    // The provider was told whom it is about.
    tx.touch({ resource: 'identities', ids: [identityId], shown: ['value'], changed: [], subjectIds: [contactId] })
    const rows = fields.length === 0 ? [] : await contactGainAll(tx, [{ id: contactId, ...gained }])
    const own = (id: string): string => id
    tx.touch({ resource: 'contacts', ids: [contactId], changed: [] })
    for (const one of touches('contacts', rows, fields, own, recordChanges(contacts, rows, own))) tx.touch(one)
  })
}

/** What a provider may tell beside a name, in the words of a contact. */
const toldNames = ['givenName', 'familyName', 'language', 'timezone'] as const

/** What the contact lacks of what the provider tells, in the forms that a contact has. */
function gainOf(profile: Profile | null, { filled, isNamed }: Asked): Omit<ContactGain, 'id'> {
  const displayName = isNamed ? null : (nameOf(profile?.displayName) ?? nameOf(profile?.username))
  const given: NonNullable<Party['fields']> = {}
  for (const name of toldNames) if (profile?.[name] !== undefined) given[name] = profile[name]
  const told = toldOf(given)
  const gained: Omit<ContactGain, 'id'> = displayName === null ? {} : { displayName }
  for (const name of toldNames) {
    const value = told[name]
    if (value !== undefined && !filled.includes(name)) gained[name] = value
  }
  return gained
}

interface Asked {
  kind: string
  value: string
  thread: string | null
  /** by a name that is not one of ours */
  isNamed: boolean
  /** which of the fields that a provider may tell of have a value */
  filled: string[]
}

/** The address and where it was met, while the contact is there and lacks what a provider may tell. */
async function asked(
  db: Database,
  tenant: Tenant,
  contactId: string,
  identityId: string,
  conversationId: string | null,
): Promise<Asked | null> {
  const [row] = await db.lookup<Asked>(
    tenant,
    sql`SELECT i.kind, i.value, (SELECT c.thread_key FROM app.conversation c WHERE c.tenant_id = i.tenant_id AND c.id = ${conversationId}::uuid) AS thread,
        NOT (p.display_name IS NULL OR p.display_name = ANY (${sql.param([...madeUpNames])}::text[])) AS "isNamed",
        ARRAY(SELECT f.name FROM (VALUES ('givenName', p.given_name), ('familyName', p.family_name), ('language', p.language), ('timezone', p.timezone)) AS f(name, value)
          WHERE f.value IS NOT NULL) AS filled
      FROM app.identity i JOIN app.contact p ON p.tenant_id = i.tenant_id AND p.id = i.contact_id
      WHERE i.tenant_id = ${tenant.tenantId}::uuid AND i.id = ${identityId}::uuid AND p.id = ${contactId}::uuid AND p.state = 'active' AND NOT p.restricted
        AND (p.display_name IS NULL OR p.display_name = ANY (${sql.param([...madeUpNames])}::text[]) OR p.language IS NULL)`,
  )
  return row ?? null
}
