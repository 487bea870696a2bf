import type { Database } from '../../src/db/database.ts'
import { conversation, message, note } from '../../src/db/tables/conversation.ts'
import { veiledOf } from '../../src/privacy/detection.ts'
import { systemCaller } from '../../src/resources/tenants/create.ts'
import { type AccountKey, accounts } from './accounts.ts'
import { insertAll, type NewRow } from './bulk-insert.ts'
import { noteTexts } from './company.ts'
import type { Dialogue, Utterance } from './conversations.ts'
import { type Addresses, addressKey, iso } from './fill-contacts.ts'
import type { Topic } from './languages/language.ts'
import { idAt, type Random } from './random.ts'
import { type Company, known } from './set-up.ts'

const batchSize = 250
const minuteMs = 60_000
const dayMs = 86_400_000

const selling: ReadonlySet<Topic> = new Set(['price', 'stock', 'wholesale'])
const tagOf: Readonly<Partial<Record<Topic, string>>> = {
  delivery: 'delivery',
  return: 'return',
  invoice: 'invoice',
  complaint: 'urgent',
  wholesale: 'wholesale',
}

/** Conversations with their messages and notes. */
export async function fillConversations(
  db: Database,
  company: Company,
  dialogues: readonly Dialogue[],
  addresses: Addresses,
  nowMs: number,
  random: Random,
  advance: (steps: number) => void,
): Promise<void> {
  for (let from = 0; from < dialogues.length; from += batchSize) {
    const batch = dialogues.slice(from, from + batchSize)
    const rows = batch.map((dialogue) => rowsOf(dialogue, company, addresses, nowMs, random))
    const messages = rows.flatMap((one) => one.messages)
    const notes = rows.flatMap((one) => one.notes)
    await db.change(
      systemCaller(db, company.tenant, null),
      { action: 'import', resource: 'conversations' },
      async (tx) => {
        await insertAll(
          tx,
          conversation,
          rows.map((one) => one.conversation),
        )
        await insertAll(tx, message, messages)
        await insertAll(tx, note, notes)
        const subjectIds = [...new Set(batch.map((one) => one.person.id))]
        const touch = (resource: string, all: readonly { id?: string }[], changed: string[]): void =>
          tx.touch({ resource, ids: all.flatMap((one) => one.id ?? []), changed, version: 1, subjectIds })
        touch('conversations', batch, ['contactId', 'channelId', 'status'])
        touch('messages', messages, ['conversationId', 'type', 'text', 'status'])
        if (notes.length > 0) touch('notes', notes, ['conversationId', 'text'])
      },
    )
    advance(batch.length + messages.length)
  }
}

interface Rows {
  conversation: NewRow<typeof conversation>
  messages: NewRow<typeof message>[]
  notes: NewRow<typeof note>[]
}

function rowsOf(dialogue: Dialogue, company: Company, addresses: Addresses, nowMs: number, random: Random): Rows {
  const { person, account, topic, utterances, subject } = dialogue
  const { type, unit } = accounts[account]
  const last = utterances.at(-1)
  if (!last) throw new Error('a conversation has messages')
  const answered = utterances.findLast((one) => !one.isInbound)
  const unanswered = utterances.filter((one) => one.isInbound && one.timeMs > (answered?.timeMs ?? 0))
  const isWaiting = unanswered.length > 0 && !dialogue.isDone
  const ageDays = (nowMs - last.timeMs) / dayMs
  // What has lain for long is mostly dealt with; a few are forgotten, as everywhere.
  const status = dialogue.isDone
    ? random.weighted({ closed: 85, open: 15 })
    : isWaiting
      ? random.weighted({ open: 30, closed: ageDays > 4 ? 60 : 0, snoozed: 2 })
      : random.weighted({ pending: ageDays > 10 ? 5 : 60, closed: 40, open: 5 })
  const waits = isWaiting && status !== 'closed'
  const team = known(company.teams, person.population.team)
  const crew = company.members.filter(
    (one) =>
      ['agent', ...(selling.has(topic) ? ['sales'] : [])].includes(one.role) &&
      one.teams.includes(person.population.team) &&
      one.units.includes(unit),
  )
  const assignee = answered || random.is(0.6) ? random.pick(crew).id : null
  const common = {
    tenantId: company.tenant.tenantId,
    businessUnitId: known(company.units, unit),
    contactId: person.id,
    createdAt: iso(utterances[0]?.timeMs ?? last.timeMs),
  }
  const titled = { subject: type === 'email' || type === 'form' ? subject : null }
  const noted = { text: random.pick(noteTexts) }
  const { country } = person.population
  const place = { conversationId: dialogue.id, identityId: addresses.get(addressKey(person, account)) ?? null }
  return {
    conversation: {
      ...common,
      id: dialogue.id,
      identityId: place.identityId,
      channelId: known(company.accounts, account),
      channel: type,
      threadKey: type === 'email' || type === 'form' ? `demo-${dialogue.id}` : '',
      status,
      snoozedUntil: status === 'snoozed' ? iso(nowMs + random.int(1, 10) * dayMs) : null,
      ...titled,
      veiled: veiledOf(titled, country),
      priority: topic === 'complaint' ? 'high' : random.weighted({ normal: 80, low: 10, high: 8, urgent: 2 }),
      assigneeId: assignee,
      teamId: team,
      purpose: selling.has(topic) ? 'sales' : 'support',
      tags: random.is(0.6) ? [tagOf[topic] ?? []].flat() : [],
      unreadCount: waits ? unanswered.length : 0,
      lastMessageId: last.id,
      lastMessageAt: iso(last.timeMs),
      lastInboundAt: iso(utterances.findLast((one) => one.isInbound)?.timeMs ?? last.timeMs),
      waitingSince: waits ? iso(unanswered[0]?.timeMs ?? last.timeMs) : null,
      updatedAt: iso(last.timeMs),
    },
    messages: utterances.map((one) => ({
      ...messageRow(one, dialogue, one === last, assignee, random),
      ...common,
      ...place,
      channelId: known(company.accounts, account),
      purpose: selling.has(topic) ? 'sales' : 'support',
      createdAt: iso(one.timeMs),
      updatedAt: iso(one.timeMs),
    })),
    notes: random.is(0.08)
      ? [
          {
            ...common,
            id: idAt(last.timeMs + minuteMs),
            conversationId: dialogue.id,
            authorKind: 'member',
            authorId: random.pick(crew).id,
            ...noted,
            veiled: veiledOf(noted, country),
            createdAt: iso(last.timeMs + minuteMs),
            updatedAt: iso(last.timeMs + minuteMs),
          },
        ]
      : [],
  }
}

function messageRow(
  { id, isInbound, text, timeMs }: Utterance,
  { person, account }: Dialogue,
  isLast: boolean,
  assignee: string | null,
  random: Random,
): NewRow<typeof message> {
  const status = isInbound ? 'received' : sentStatus(account, isLast, random)
  return {
    id,
    direction: isInbound ? 'inbound' : 'outbound',
    type: 'text',
    content: { text },
    text,
    veiled: veiledOf({ text, content: { text } }, person.population.country),
    reactions:
      !isInbound &&
      ['whatsapp', 'instagram', 'messenger', 'telegram'].includes(accounts[account].type) &&
      random.is(0.05)
        ? [{ by: 'contact', emoji: random.pick(['👍', '❤️', '🙏']), at: iso(timeMs + minuteMs) }]
        : [],
    status,
    error: status === 'failed' ? { code: 'undeliverable', message: 'The provider could not deliver it.' } : null,
    authorKind: isInbound ? 'contact' : 'member',
    authorId: isInbound ? person.id : assignee,
    externalId: status === 'failed' ? null : externalId(account, random),
    occurredAt: iso(timeMs),
  }
}

/** How far an answer has come; some providers tell no more than that they took it. */
function sentStatus(account: AccountKey, isLast: boolean, random: Random): string {
  const { type } = accounts[account]
  if (['email', 'form', 'webchat', 'line', 'telegram'].includes(type))
    return isLast && random.is(0.02) ? 'failed' : 'sent'
  return isLast ? random.weighted({ read: 60, delivered: 28, sent: 9, failed: 3 }) : 'read'
}

function externalId(account: AccountKey, random: Random): string {
  const { type } = accounts[account]
  if (type === 'whatsapp') return `wamid.${Buffer.from(random.hex(40)).toString('base64')}`
  if (type === 'email') return `<${random.hex(24)}@mail.example.com>`
  return `${type}-${random.hex(20)}`
}
