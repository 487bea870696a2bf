import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import type { Stage } from './clients.ts'
import { Ledger } from './ledger.ts'
import type { Provider } from './provider.ts'
import { ownerPassword, type ServiceProcess } from './service-process.ts'

const made = z.looseObject({ id: z.uuid() })
const list = z.object({ data: z.array(z.looseObject({ id: z.uuid() })) })
const session = z.object({ accessToken: z.string() })

/** Sets the scene in a fresh service: keys, a channel, contacts, and customers who have written once. */
export async function setStage(
  service: ServiceProcess,
  provider: Provider,
  customers: readonly string[],
): Promise<Stage> {
  const ledger = new Ledger(service.url)
  let token: string | undefined
  const call = async (method: string, path: string, body?: object): Promise<unknown> => {
    const json = body === undefined ? {} : { body: JSON.stringify(body) }
    const answer = await ledger.ask({
      what: path,
      wanted: method === 'POST' ? 201 : 200,
      method,
      path,
      ...(token === undefined ? {} : { token }),
      ...json,
    })
    if (!answer || answer.status >= 300)
      throw new Error(`${method} ${path} answered ${answer?.status}: ${answer?.body}`)
    return JSON.parse(answer.body)
  }
  token = session.parse(
    await call('POST', '/v1/sessions', { email: 'owner@example.com', password: ownerPassword }),
  ).accessToken
  const roles = list.parse(await call('GET', '/v1/roles?limit=200')).data
  const key = async (role: string): Promise<string> => {
    const roleIds = roles.filter((one) => one.name === role).map((one) => one.id)
    return z.looseObject({ key: z.string() }).parse(await call('POST', '/v1/api-keys', { name: role, roleIds })).key
  }
  const [ownerKey, agentKey] = [await key('owner'), await key('agent')]
  const channelId = made.parse(await call('POST', '/v1/channels', provider.channel)).id
  const contactIds: string[] = []
  for (let i = 0; i < 20; i++)
    contactIds.push(made.parse(await call('POST', '/v1/contacts', { displayName: `Contact ${i}`, company: 'Load' })).id)

  for (const from of customers) {
    const { body, headers } = provider.post([{ from, id: `wamid.${from}.first`, text: 'Hello' }])
    await ledger.insist({
      what: 'first post',
      wanted: 200,
      method: 'POST',
      path: `/v1/ingest/${channelId}`,
      body,
      headers,
    })
  }
  for (let attempt = 0; attempt < 300; attempt++) {
    const conversations = list.parse(await call('GET', '/v1/conversations?limit=200')).data
    if (conversations.length === customers.length) {
      const conversationIds = conversations.map((one) => one.id)
      return { ledger, provider, ownerKey, agentKey, channelId, contactIds, conversationIds }
    }
    await sleep(100)
  }
  throw new Error('the customers’ first messages did not become conversations')
}
