import type { ChannelType } from '../../channels/channel.ts'
import { channelType } from '../../channels/index.ts'
import { isRich } from '../../channels/rich/content.ts'
import type { RichMeans } from '../../channels/rich/means.ts'
import { misfitOf } from '../../channels/rich/misfit.ts'
import type { Tx } from '../../db/database.ts'
import { named, sql } from '../../db/sql.ts'
import { utc } from '../../db/view.ts'
import type { Means, SendingFacts, Utterance } from '../../privacy/sending-gate.ts'

interface FactsRow {
  channel_type: string
  channel_status: string
  channel_state: string
  conversation_state: string
  is_group: boolean
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

/** What the gate needs to know of a conversation, and the contact’s country; `now` is the database's clock. */
export interface KnownForSending {
  facts: SendingFacts
  means: Means | null
  /** what the channel can be sent beside words and files */
  rich: RichMeans
  /** It goes to a group, and to none of its members. */
  isGroup: boolean
  country: string | null
  now: Date
}

/** @returns null where there is no such conversation */
export async function sendingFacts(tx: Tx, conversationId: string): Promise<KnownForSending | null> {
  const statement = tx.kept(
    'sending-facts',
    () => sql`SELECT h.type AS channel_type, h.status AS channel_status, h.state AS channel_state, c.state AS conversation_state, c.is_group,
      p.state AS contact_state, p.country, p.restricted, i.state AS identity_state, c.last_inbound_at, clock_timestamp() AS now, i.undeliverable_at IS NOT NULL AS undeliverable,
      CASE WHEN c.is_group THEN (${memberStop}) ELSE (SELECT e.state FROM app.consent_event e WHERE e.tenant_id = c.tenant_id AND e.contact_id = c.contact_id AND e.category = 'marketing'
         AND (e.channel_id IS NULL OR e.channel_id = c.channel_id) ORDER BY e.occurred_at DESC, e.id DESC LIMIT 1) END AS marketing,
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
    isGroup: row.is_group,
    facts: {
      channelStatus: row.channel_status,
      channelState: row.channel_state,
      conversationState: row.conversation_state,
      ...addresseeOf(row),
      lastInboundAt: row.last_inbound_at === null ? null : new Date(utc(row.last_inbound_at)),
      marketing: row.marketing,
      isLastAutomated: row.last_automated === true,
    },
    means: type ? meansOf(type) : null,
    rich: type?.sends.rich ?? {},
    country: row.country,
    now: new Date(utc(row.now)),
  }
}

/** Whether any member of a group who has spoken there wants no marketing: one is enough. */
const memberStop = sql`SELECT 'stop' FROM app.consent_event e WHERE e.tenant_id = c.tenant_id AND e.category IN ('marketing', 'all') AND e.state = 'stop'
    AND (e.channel_id IS NULL OR e.channel_id = c.channel_id)
    AND e.contact_id IN (SELECT m.contact_id FROM app.message m WHERE m.tenant_id = c.tenant_id AND m.conversation_id = c.id)
    AND NOT EXISTS (SELECT FROM app.consent_event l WHERE l.tenant_id = e.tenant_id AND l.contact_id = e.contact_id AND l.category = e.category
      AND (l.channel_id IS NULL OR l.channel_id = c.channel_id) AND (l.occurred_at, l.id) > (e.occurred_at, e.id)) LIMIT 1`

/**
 * To whom it goes. What became of the contact to whom a group's conversation belongs, and whether they still want to be
 * written to themselves, says nothing of the group: it is reached by its own id.
 */
function addresseeOf(
  row: FactsRow,
): Pick<SendingFacts, 'contactState' | 'isRestricted' | 'identityState' | 'isUndeliverable' | 'blockedAt'> {
  if (row.is_group)
    return {
      ...{ contactState: 'active', isRestricted: false, identityState: 'active', isUndeliverable: false },
      blockedAt: null,
    }
  return {
    contactState: row.contact_state,
    isRestricted: row.restricted,
    identityState: row.identity_state,
    isUndeliverable: row.undeliverable,
    blockedAt: row.blocked_at === null ? null : new Date(utc(row.blocked_at)),
  }
}

/** What a channel's type can be sent. */
export const meansOf = ({ limits, sends: { rich: _rich, ...sends }, window }: ChannelType): Means => ({
  ...sends,
  ...window,
  textLength: limits.textLength,
  ...(limits.textUnit === undefined ? {} : { textUnit: limits.textUnit }),
  ...(limits.captionLength === undefined ? {} : { captionLength: limits.captionLength }),
})

/** What the gate asks of choices, places and cards: nothing of other messages. */
export const misfitting = (content: { type: string } | null, rich: RichMeans): Pick<Utterance, 'misfit'> =>
  content !== null && isRich(content) ? { misfit: misfitOf(content, rich) } : {}
