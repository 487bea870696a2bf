import { channelType } from '../../channels/index.ts'
import { type Touched, touches } from '../../db/audit-event.ts'
import { recordChanges } from '../../db/change-values.ts'
import type { Tx } from '../../db/database.ts'
import { contactKey } from '../../privacy/contact-keys.ts'
import { veiledOf } from '../../privacy/detection.ts'
import { madeUpNames } from '../../resources/contacts/made-up-name.ts'
import {
  type ConversationAside,
  conversationAsideAll,
  conversationThreadMove,
  handleContext,
} from '../../resources/conversations/delivery-state.ts'
import { conversations as conversationResource } from '../../resources/conversations/schema.ts'
import { identities as identityResource } from '../../resources/identities/schema.ts'
import {
  type ChangedAddress,
  identityReachableAll,
  identityUndeliverableAll,
} from '../../resources/identities/undeliverable.ts'
import { messageProgressAll } from '../../resources/messages/progress.ts'
import { iso, type Records } from './records.ts'
import { together } from './together.ts'

/** Has threads go on under other ids, before new conversations are made in them. */
export async function writeThreads(tx: Tx, { aside, channel }: Records): Promise<Touched[]> {
  const moved = await Promise.all(aside.threads.map((one) => conversationThreadMove(tx, channel.id, one)))
  const rows = moved.flat()
  const contacts = new Map(rows.map((row) => [row.id, row.contactId]))
  return touches('conversations', rows, [], (id) => contacts.get(id))
}

/** Writes what events told beside messages, behind the rows that it is about; most batches have none of it. */
export async function writeAside(tx: Tx, records: Records): Promise<Touched[]> {
  const { aside, channel, conversations } = records
  const told = await conversationsTold(tx, records)
  // An echo may be of something that the customer has read already.
  const echoes = records.messages.flatMap(({ made }) =>
    made?.direction === 'outbound' && !made.historical ? made.conversationId : [],
  )
  const moved = [...aside.progress.map((one) => one.conversationId), ...echoes]
  const [named, progressed, bounced, reached] = await together([
    told.length > 0 ? conversationAsideAll(tx, told) : [],
    moved.length > 0 ? messageProgressAll(tx, moved) : [],
    aside.bounces.length > 0
      ? identityUndeliverableAll(
          tx,
          channel.businessUnitId,
          aside.bounces.map(({ address, contactId, code, atMs }) => ({ address, contactId, code, at: iso(atMs) })),
        )
      : [],
    aside.heard.length > 0 ? identityReachableAll(tx, heardLast(records)) : [],
    enqueueErrands(tx, records),
    enqueueProfiles(tx, records),
  ])
  const contacts = new Map([...conversations, ...progressed].map((one) => [one.id, one.contactId]))
  const subjectOf = (id: string): string | undefined => contacts.get(id)
  return [
    ...touches('conversations', named, ['subject'], subjectOf, recordChanges(conversationResource, named, subjectOf)),
    ...touches('messages', progressed, ['status'], subjectOf),
    ...addressTouches([...bounced, ...reached]),
  ]
}

function addressTouches(rows: readonly ChangedAddress[]): Touched[] {
  const contacts = new Map(rows.map((row) => [row.id, row.contactId]))
  const subjectOf = (id: string): string | undefined => contacts.get(id)
  return touches('identities', rows, ['undeliverable'], subjectOf, recordChanges(identityResource, rows, subjectOf))
}

async function conversationsTold(tx: Tx, { aside }: Records): Promise<ConversationAside[]> {
  const all = new Map<string, ConversationAside>()
  const add = (id: string, more: Omit<ConversationAside, 'id'>): void => {
    all.set(id, { ...all.get(id), ...more, id })
  }
  for (const { conversationId: id, subject, country } of aside.subjects)
    if (all.get(id)?.subject === undefined) add(id, { subject, veiled: veiledOf({ subject }, country) })
  for (const { conversationId: id, status, upToMs } of aside.progress) {
    const name = status === 'read' ? 'readUpTo' : 'deliveredUpTo'
    const known = all.get(id)?.[name]
    if (known === undefined || Date.parse(known) < upToMs) add(id, { [name]: iso(upToMs) })
  }
  for (const { conversationId: id, contactId, token, untilMs } of aside.handles) {
    const known = all.get(id)?.replyHandleUntil
    if (known !== undefined && Date.parse(known) >= untilMs) continue
    const key = await contactKey(tx, contactId)
    const replyHandle = key.seal(token, handleContext(id)).toString('base64')
    add(id, { replyHandle, replyHandleUntil: iso(untilMs) })
  }
  return [...all.values()]
}

function heardLast({ aside }: Records): { id: string; at: string }[] {
  const last = new Map<string, number>()
  for (const { identityId, atMs } of aside.heard) last.set(identityId, Math.max(atMs, last.get(identityId) ?? atMs))
  return [...last].map(([id, atMs]) => ({ id, at: iso(atMs) }))
}

async function enqueueErrands(tx: Tx, { aside, channel }: Records): Promise<void> {
  const { tenantId, region } = tx.principal
  const jobs = [...aside.errands].map((eventId) => ({
    key: `errand/${tenantId}/${eventId}`,
    payload: { tenantId, region, channelId: channel.id, eventId },
  }))
  if (jobs.length > 0) await tx.enqueueAll('errand', jobs)
}

/** Who is new and came without a name is asked for at the provider, where it tells. */
async function enqueueProfiles(tx: Tx, records: Records): Promise<void> {
  const { channel, contacts, identities, conversations, messages } = records
  if (!channelType(channel.type)?.fetchProfile) return
  const { tenantId, region } = tx.principal
  const jobs = [...contacts.values()].flatMap(({ id, isNew, displayName }) => {
    const identity = identities.find((one) => one.contactId === id && one.made)
    if (!isNew || !identity || (displayName !== null && !madeUpNames.has(displayName))) return []
    const own = conversations.find((one) => one.contactId === id)
    // Who speaks in a group that is somebody else's conversation was met there.
    const conversationId = own?.id ?? messages.find((one) => one.contactId === id)?.conversationId
    return {
      key: `profile/${tenantId}/${id}`,
      payload: {
        ...{ tenantId, region, channelId: channel.id, contactId: id, identityId: identity.id },
        ...(conversationId === undefined ? {} : { conversationId }),
      },
    }
  })
  if (jobs.length > 0) await tx.enqueueAll('profile', jobs)
}
