import type { ChannelType } from '../../channels/channel.ts'
import { channelType } from '../../channels/index.ts'
import type { Tx } from '../../db/database.ts'
import { named, sql } from '../../db/sql.ts'
import { utc } from '../../db/view.ts'
import type { Means, SendingFacts } from '../../privacy/sending-gate.ts'

interface FactsRow {
  channel_type: string
  channel_status: string
  channel_state: string
  conversation_state: string
  contact_state: string
  country: string | null
  restricted: boolean
  identity_state: string | null
  last_inbound_at: string | null
  undeliverable: boolean
  marketing: string | null
  blocked_at: string | null
  last_automated: boolean | null
  now: string
}

/** What the gate needs to know of a conversation, and the contact’s country; null when there is none. `now` is the database's clock. */
export async function sendingFacts(
  tx: Tx,
  conversationId: string,
): Promise<{ facts: SendingFacts; means: Means | null; country: string | null; now: Date } | null> {
  const statement = tx.kept(
    'sending-facts',
    () => sql`SELECT h.type AS channel_type, h.status AS channel_status, h.state AS channel_state, c.state AS conversation_state,
      p.state AS contact_state, p.country, p.restricted, i.state AS identity_state, c.last_inbound_at, clock_timestamp() AS now, i.undeliverable_at IS NOT NULL AS undeliverable,
      (SELECT e.state FROM app.consent_event e WHERE e.tenant_id = c.tenant_id AND e.contact_id = c.contact_id AND e.category = 'marketing'
         AND (e.channel_id IS NULL OR e.channel_id = c.channel_id) ORDER BY e.occurred_at DESC, e.id DESC LIMIT 1) AS marketing,
      (SELECT CASE WHEN e.state = 'stop' THEN e.occurred_at END FROM app.consent_event e WHERE e.tenant_id = c.tenant_id AND e.contact_id = c.contact_id AND e.category = 'all'
         AND (e.channel_id IS NULL OR e.channel_id = c.channel_id) ORDER BY e.occurred_at DESC, e.id DESC LIMIT 1) AS blocked_at,
      (SELECT m.content ? 'automated' FROM app.message m WHERE m.tenant_id = c.tenant_id AND m.conversation_id = c.id AND m.direction = 'inbound'
         ORDER BY m.occurred_at DESC, m.id DESC LIMIT 1) AS last_automated
      FROM app.conversation c
      JOIN app.channel h ON h.tenant_id = c.tenant_id AND h.id = c.channel_id
      JOIN app.contact p ON p.tenant_id = c.tenant_id AND p.id = c.contact_id
      LEFT JOIN app.identity i ON i.tenant_id = c.tenant_id AND i.id = c.identity_id
      WHERE c.tenant_id = ${named('tenantId')}::uuid AND c.id = ${named('conversationId')}::uuid`,
  )
  const [row] = await tx.query<FactsRow>(statement, { tenantId: tx.principal.tenantId, conversationId })
  if (!row) return null
  const type = channelType(row.channel_type)
  return {
    facts: {
      channelStatus: row.channel_status,
      channelState: row.channel_state,
      conversationState: row.conversation_state,
      contactState: row.contact_state,
      isRestricted: row.restricted,
      identityState: row.identity_state,
      isUndeliverable: row.undeliverable,
      lastInboundAt: row.last_inbound_at === null ? null : new Date(utc(row.last_inbound_at)),
      marketing: row.marketing,
      blockedAt: row.blocked_at === null ? null : new Date(utc(row.blocked_at)),
      isLastAutomated: row.last_automated === true,
    },
    means: type ? meansOf(type) : null,
    country: row.country,
    now: new Date(utc(row.now)),
  }
}

/** What a channel's type can be sent. */
export const meansOf = ({ limits, sends, window }: ChannelType): Means => ({
  ...sends,
  ...window,
  textLength: limits.textLength,
  ...(limits.captionLength === undefined ? {} : { captionLength: limits.captionLength }),
})
