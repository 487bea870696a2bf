import { z } from 'zod'
import type { Tx } from '../db/database.ts'
import { type SQL, sql } from '../db/sql.ts'
import { ruleVersion } from '../resources/routing-rules/queries.ts'
import { systemCaller } from '../resources/tenants/create.ts'
import { routeAll } from './normalise/route.ts'
import type { Task } from './task.ts'

const ids = z.object({ tenantId: z.uuid(), region: z.string(), consentEventId: z.uuid() })

interface Said {
  contactId: string
  channelId: string | null
  businessUnitId: string
  category: string
  state: string
  messageId: string | null
}

/**
 * Asks the rules about a wish that no inbound event brought: the click of a link, or what somebody here was told. It
 * happened in the conversation of the message that it is about, else in the contact's last one on the channel that it
 * names; a wish about all channels happened in none.
 */
export const consentChanged: Task = async ({ db }, payload) => {
  const { consentEventId, ...tenant } = ids.parse(payload)
  const caller = systemCaller(db, tenant, null)
  await db.change(caller, { action: 'update', resource: 'consent-events' }, async (tx) => {
    const said = await saidIn(tx, consentEventId)
    tx.touch({
      ...{ resource: 'consent-events', ids: [consentEventId], changed: [] },
      subjectIds: [said?.contactId ?? null],
    })
    if (!said) return
    const { contactId, channelId, businessUnitId, category, state } = said
    const conversationId = await conversationOf(tx, said)
    const asked = {
      ...{ event: 'consent_changed' as const, contactId, conversationId, messageId: null },
      consent: { category, state },
    }
    for (const one of await routeAll(tx, [asked], { channelId, businessUnitId }, await ruleVersion(tx))) tx.touch(one)
  })
}

/** null: the contact is gone. The contact is locked, as by everybody before its conversations. */
async function saidIn(tx: Tx, id: string): Promise<Said | null> {
  const [said] = await tx.query<Said & Record<string, unknown>>(
    sql`SELECT e.contact_id AS "contactId", e.channel_id AS "channelId", e.business_unit_id AS "businessUnitId", e.category, e.state, e.evidence_message_id AS "messageId"
      FROM app.consent_event e JOIN app.contact p ON p.tenant_id = e.tenant_id AND p.id = e.contact_id
      WHERE e.tenant_id = ${tx.principal.tenantId}::uuid AND e.id = ${id}::uuid AND p.state = 'active' FOR NO KEY UPDATE OF p`,
  )
  return said ?? null
}

async function conversationOf(tx: Tx, { contactId, channelId, messageId }: Said): Promise<string | null> {
  const find = async (where: SQL): Promise<string | null> => {
    const [found] = await tx.query<{ id: string }>(
      sql`SELECT c.id FROM app.conversation c WHERE c.tenant_id = ${tx.principal.tenantId}::uuid AND c.contact_id = ${contactId}::uuid AND c.state = 'active' AND ${where}
        ORDER BY c.last_message_at DESC NULLS LAST, c.id DESC LIMIT 1 FOR NO KEY UPDATE`,
    )
    return found?.id ?? null
  }
  const named = sql`c.id = (SELECT m.conversation_id FROM app.message m WHERE m.tenant_id = c.tenant_id AND m.id = ${messageId}::uuid)`
  const own = messageId === null ? null : await find(named)
  return own ?? (channelId === null ? null : find(sql`c.channel_id = ${channelId}::uuid`))
}
