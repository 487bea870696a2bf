import type { ChannelType, OutboundContent, OutboundMessage } from '../channels/channel.ts'
import { isObject, type JsonObject } from '../channels/json.ts'
import type { MediaKind } from '../channels/neutral.ts'
import { isRich, richOf } from '../channels/rich/content.ts'
import type { RichMeans } from '../channels/rich/means.ts'
import type { JsonRow, Tx } from '../db/database.ts'
import { named, sql } from '../db/sql.ts'
import { attachment } from '../db/tables/conversation.ts'
import type { TenantKeys } from '../privacy/keyring.ts'
import { isHumanAgent, type Utterance } from '../privacy/sending-gate.ts'
import { fileColumns } from '../resources/attachments/content.ts'
import { mediaKind, sentAs } from '../resources/attachments/sent-as.ts'
import { type ChannelSettings, openSettings } from '../resources/channels/settings.ts'
import { handleContext } from '../resources/conversations/delivery-state.ts'
import { type KnownForSending, misfitting } from '../resources/messages/sending-facts.ts'

/** A message that waits, with all that it takes to send it. */
export interface QueuedRow {
  contact_id: string
  channel_id: string
  type: string
  text: string
  content: JsonObject
  attachment_ids: string[]
  author_kind: string
  purpose: string | null
  dispatched_at: string | null
  slot_at: string | null
  had_reply_handle: boolean
  is_too_old: boolean
  /** how long the whole account is to wait */
  pause_ms: number | null
  thread_key: string
  is_group: boolean
  /** whose the conversation is; a group's members each have messages of their own in it */
  conversation_contact_id: string
  subject: string | null
  reply_handle: Buffer | null
  reply_handle_until: string | null
  wrapped_key: Buffer | null
  channel_type: string
  sealed_settings: Buffer
  identity_id: string | null
  address_kind: string | null
  address: string | null
  reply_to: string | null
  reply_content: JsonObject | null
}

/** A stored file of a message: what opens it, and as what it goes. */
export interface OutgoingFile {
  row: JsonRow
  kind: MediaKind
}

/** Why a message is not sent, as its `error` says it. */
export interface Failure {
  code: string
  class: string
}

export const permanent = (code: string): Failure => ({ code, class: 'permanent' })

/** A channel's folder and what it is to send, but for what only the sender knows (bytes, addresses of ours). */
export interface Outgoing {
  channel: ChannelSettings
  message: Omit<OutboundMessage, 'files' | 'unsubscribeUrl'>
  files: OutgoingFile[]
  isMarketing: boolean
}

/** To the address that the conversation has now: the provider may prefer another since it was written. */
export const queuedColumns = sql`m.contact_id, m.channel_id, m.type, m.text, m.content, m.attachment_ids, m.author_kind, m.purpose, m.dispatched_at, m.slot_at, m.had_reply_handle,
    c.thread_key, c.is_group, c.contact_id AS conversation_contact_id, c.subject, CASE WHEN c.reply_handle_until > clock_timestamp() + interval '1 second' THEN c.sealed_reply_handle END AS reply_handle, c.reply_handle_until,
    (SELECT k.wrapped_key FROM app.contact_key k WHERE k.tenant_id = c.tenant_id AND k.contact_id = c.contact_id) AS wrapped_key,
    (SELECT (extract(epoch FROM p.paused_until - clock_timestamp()) * 1000)::float8 FROM app.send_pace p WHERE p.tenant_id = m.tenant_id AND p.pace_id = m.channel_id) AS pause_ms,
    h.type AS channel_type, h.sealed_settings, i.id AS identity_id, i.kind AS address_kind, i.value AS address, r.external_id AS reply_to,
    CASE WHEN r.id IS NOT NULL THEN r.content END AS reply_content`

/** The stored files of a message, in its own order; one that is gone is left out. */
export async function filesOf(tx: Tx, row: QueuedRow, taken: readonly string[]): Promise<OutgoingFile[]> {
  if (row.attachment_ids.length === 0) return []
  const statement = tx.kept(
    'send/files',
    () => sql`SELECT ${fileColumns(sql`${attachment.fileName}`)} FROM ${attachment} WHERE ${attachment.tenantId} = ${named('tenantId')}::uuid AND ${attachment.id} = ANY (${named('ids')}::uuid[])
      AND ${attachment.status} = 'stored'`,
  )
  const rows = await tx.query<JsonRow>(statement, { tenantId: tx.principal.tenantId, ids: row.attachment_ids })
  const ordered = row.attachment_ids.flatMap((id) => rows.filter((one) => one.id === id))
  const kinds = sentAs(
    ordered.map((one) => mediaKind(typeof one._mediaType === 'string' ? one._mediaType : null)),
    taken,
  )
  return ordered.map((one, i) => ({ row: one, kind: kinds[i] ?? 'document' }))
}

export const utteranceOf = (row: QueuedRow, files: readonly OutgoingFile[], rich: RichMeans): Utterance => ({
  type: row.type,
  ...misfitting(contentOf(row), rich),
  text: row.text,
  files: files.map(({ kind }) => kind),
  hasSubject: typeof row.content.subject === 'string',
  purpose: row.purpose,
  isByMember: row.author_kind === 'member',
})

/** A reaction that is set twice is set: no doubt about it costs anything. */
export const isRepeatable = ({ content }: Pick<OutboundMessage, 'content'>): boolean => content.type === 'reaction'

const referencesMax = 20

/** @returns the message, or why it cannot be sent */
export async function outgoingOf(
  tx: Tx,
  id: string,
  conversationId: string,
  row: QueuedRow,
  files: readonly OutgoingFile[],
  known: KnownForSending,
): Promise<Outgoing | Failure> {
  let channel: ChannelSettings
  try {
    channel = openSettings(tx.keys, row.channel_id, row.channel_type, row.sealed_settings)
  } catch {
    return permanent('channel_settings')
  }
  if (files.length !== row.attachment_ids.length) return permanent('file_gone')
  const recipient = recipientOf(channel.type, row)
  if (!recipient) return permanent('no_address')
  const content = contentOf(row)
  if (!content) return permanent('content')
  const { means, rich, facts, now } = known
  const subject = typeof row.content.subject === 'string' ? row.content.subject : row.subject
  const { sends, threadKind } = channel.type
  // Mails name those before them; where a thread is one person's (under a comment), an answer names what it answers.
  const isNaming = sends.subject || (threadKind === 'direct' && row.thread_key !== '')
  const references = isNaming ? await referencesOf(tx, conversationId) : []
  const replyHandle = handleOf(tx.keys, conversationId, row)
  const message: Outgoing['message'] = {
    ...{ id, recipient, content },
    ...(row.reply_to === null ? {} : { replyTo: row.reply_to }),
    ...(row.reply_content === null ? {} : { replyToContent: row.reply_content }),
    ...(references.length > 0 ? { references } : {}),
    ...(channel.type.sends.subject && subject !== null ? { subject } : {}),
    ...(replyHandle === null ? {} : { replyHandle }),
    ...(means && isHumanAgent(facts, utteranceOf(row, files, rich), means, now) ? { isHumanAgent: true } : {}),
    // A program that acts for nobody has no person behind what it says.
    ...(row.author_kind === 'member' ? {} : { isAutomatic: true }),
  }
  return { channel, message, files: [...files], isMarketing: row.purpose?.toLowerCase() === 'marketing' }
}

function contentOf({ type, text, content }: QueuedRow): OutboundContent | null {
  if (isRich({ type })) return richOf(type, content, text)
  if (type !== 'template') return { type: 'text', text, ...(content.previewUrl === true ? { previewUrl: true } : {}) }
  const { template } = content
  if (!isObject(template)) return null
  const { name, language, components } = template
  if (typeof name !== 'string' || typeof language !== 'string') return null
  return { type: 'template', name, language, components: Array.isArray(components) ? components : [], text }
}

function handleOf(keys: TenantKeys, conversationId: string, row: QueuedRow): string | null {
  if (row.reply_handle === null || row.wrapped_key === null) return null
  const key = keys.contact(row.conversation_contact_id, row.wrapped_key)
  try {
    return key.open(row.reply_handle, handleContext(conversationId)).toString('utf8')
  } catch {
    // Another contact's, who was merged or parted meanwhile: without the handle it goes as any other.
    return null
  }
}

async function referencesOf(tx: Tx, conversationId: string): Promise<string[]> {
  const statement = tx.kept(
    'send/references',
    () => sql`SELECT m.external_id AS id FROM app.message m WHERE m.tenant_id = ${named('tenantId')}::uuid AND m.conversation_id = ${named('conversationId')}::uuid
      AND m.external_id IS NOT NULL AND m.deleted_at IS NULL ORDER BY m.occurred_at DESC, m.id DESC LIMIT ${sql.raw(String(referencesMax))}`,
  )
  const rows = await tx.query<{ id: string }>(statement, { tenantId: tx.principal.tenantId, conversationId })
  return rows.map((one) => one.id).filter((one) => !one.startsWith('sha256:'))
}

function recipientOf(type: ChannelType, row: QueuedRow): OutboundMessage['recipient'] | null {
  // A thread id too long to be kept was hashed: nobody can answer there.
  if (row.thread_key.startsWith('sha256:')) return null
  if (row.is_group) return { identities: [], thread: { id: row.thread_key, kind: 'group' } }
  const kind = type.reaches.find((one) => one === row.address_kind)
  if (!kind || row.address === null) return null
  return {
    identities: [{ kind, value: row.address, verified: true }],
    ...(row.thread_key === '' ? {} : { thread: { id: row.thread_key, kind: type.threadKind } }),
  }
}
