import { randomInt, randomUUID } from 'node:crypto'
import { z } from 'zod'
import type { Ledger } from './ledger.ts'
import type { Provider } from './provider.ts'

/** What the clients work with; made once, before the load. */
export interface Stage {
  ledger: Ledger
  provider: Provider
  /** API keys: of an owner, and of an agent, who may less. */
  ownerKey: string
  agentKey: string
  channelId: string
  contactIds: string[]
  /** Of customers who have written: where answers can be sent. */
  conversationIds: string[]
}

/** What must be found afterwards. */
export interface Promised {
  /** Ids of WhatsApp messages whose post was answered 200, by customer, in the order in which they were posted. */
  received: Map<string, string[]>
  /** Texts of answers that were accepted (201), by the id of their message. */
  sent: Map<string, string>
  /** Contacts that were made: by the source that only they have. */
  created: Set<string>
  /** Of each contact that is patched: the last number that was acknowledged, and the last that was tried. */
  patched: Map<string, { acknowledged: number; tried: number }>
}

const made = z.looseObject({ id: z.uuid() })

/** Clients of every kind, each asking one thing after the other until the ledger says stop. */
export function startClients(stage: Stage, promised: Promised, customers: readonly string[]): Promise<void> {
  const { contactIds } = stage
  const clients = [
    reads(stage),
    reads(stage),
    refusals(stage),
    creates(stage, promised),
    ...contactIds.slice(0, 2).map((id) => patches(stage, promised, id)),
    ...customers.map((customer) => posts(stage, promised, customer)),
    sends(stage, promised),
    sends(stage, promised),
  ]
  return Promise.all(clients).then(() => {})
}

const pick = (list: readonly string[]): string => list[randomInt(list.length)] ?? ''

async function reads({ ledger, ownerKey, agentKey, contactIds }: Stage): Promise<void> {
  while (!ledger.isStopping) {
    const token = randomInt(2) === 0 ? ownerKey : agentKey
    await ledger.ask({
      what: 'read a contact',
      wanted: 200,
      method: 'GET',
      path: `/v1/contacts/${pick(contactIds)}`,
      token,
    })
    await ledger.ask({
      what: 'list contacts',
      wanted: 200,
      method: 'GET',
      path: '/v1/contacts?limit=25&sort=-updatedAt',
      token,
    })
    await ledger.ask({
      what: 'list conversations',
      wanted: 200,
      method: 'GET',
      path: '/v1/conversations?limit=10&include=contact,lastMessage',
      token,
    })
  }
}

/** What is refused is on record too. */
async function refusals({ ledger, agentKey, contactIds }: Stage): Promise<void> {
  while (!ledger.isStopping) {
    const token = agentKey
    await ledger.ask({
      what: 'a missing contact',
      wanted: 404,
      method: 'GET',
      path: `/v1/contacts/${randomUUID()}`,
      token,
    })
    await ledger.ask({ what: 'forbidden', wanted: 403, method: 'GET', path: '/v1/roles', token })
    const body = JSON.stringify({ intent: 'x' })
    await ledger.ask({
      what: 'a hidden field',
      wanted: 400,
      method: 'PATCH',
      path: `/v1/contacts/${pick(contactIds)}`,
      token,
      body,
    })
  }
}

async function creates({ ledger, ownerKey: token }: Stage, promised: Promised): Promise<void> {
  while (!ledger.isStopping) {
    const source = `load ${randomUUID()}`
    const answer = await ledger.insist({
      what: 'create a contact',
      wanted: 201,
      method: 'POST',
      path: '/v1/contacts',
      token,
      body: JSON.stringify({
        displayName: 'Anna Müller',
        email: `${randomUUID()}@example.com`,
        source,
        tags: ['load'],
      }),
      headers: { 'idempotency-key': source },
    })
    if (answer.status === 201) promised.created.add(source)
  }
}

async function patches({ ledger, ownerKey: token }: Stage, { patched }: Promised, id: string): Promise<void> {
  const state = { acknowledged: 0, tried: 0 }
  patched.set(id, state)
  while (!ledger.isStopping) {
    const number = ++state.tried
    const body = JSON.stringify({ followUpStatus: String(number) })
    const answer = await ledger.ask({
      what: 'patch a contact',
      wanted: 200,
      method: 'PATCH',
      path: `/v1/contacts/${id}`,
      token,
      body,
    })
    if (answer?.status === 200) state.acknowledged = number
  }
}

/** A customer who writes one message or a few at a time; WhatsApp posts them until it is answered 200, and now and then once more. */
async function posts({ ledger, provider, channelId }: Stage, { received }: Promised, from: string): Promise<void> {
  const ids: string[] = []
  received.set(from, ids)
  for (let count = 0; !ledger.isStopping; ) {
    const batch = Array.from({ length: randomInt(1, 4) }, () => ({
      from,
      id: `wamid.${from}.${count}`,
      text: `Message ${count++} of ${from}`,
    }))
    const what = 'a post of WhatsApp'
    const post = { what, wanted: 200, method: 'POST', path: `/v1/ingest/${channelId}`, ...provider.post(batch) }
    const answer = await ledger.insist(post)
    if (answer.status !== 200) throw new Error(`${what} was answered ${answer.status}: ${answer.body}`)
    ids.push(...batch.map((one) => one.id))
    if (randomInt(5) === 0) await ledger.ask(post)
  }
}

async function sends({ ledger, agentKey: token, conversationIds }: Stage, { sent }: Promised): Promise<void> {
  while (!ledger.isStopping) {
    const text = `Answer ${randomUUID()}`
    const answer = await ledger.insist({
      what: 'send a message',
      wanted: 201,
      method: 'POST',
      path: `/v1/conversations/${pick(conversationIds)}/messages`,
      token,
      body: JSON.stringify({ type: 'text', text }),
      headers: { 'idempotency-key': text },
    })
    if (answer.status === 201) sent.set(made.parse(JSON.parse(answer.body)).id, text)
  }
}
