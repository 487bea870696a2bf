import t from 'tap'
import { json } from '../channels/local-server.ts'
import { signature } from '../channels/messenger/fixtures.ts'
import { type Row, startTestService, type TestService } from '../harness/service.ts'
import { png } from '../resources/attachments/fixtures.ts'
import { done } from '../resources/conversations/fixtures.ts'
import { type Provider, provider } from './outbox.ts'

export const appSecret = 'the-app-secret-of-tests'
export const verifyToken = 'the-verify-token-of-tests'
const accessToken = 'the-page-token-of-tests'

/** A channel of Messenger or Instagram of a running service, with a double of the Graph API. */
export interface MetaExchange {
  service: TestService
  graph: Provider
  channelId: string
  /** Posts an item as Meta does, now. */
  post: (item: Record<string, unknown>) => Promise<void>
  /** Posts a change of the page or account. */
  change: (field: string, value: Record<string, unknown>) => Promise<void>
  /** The items that the customer, and the account itself, are the sender of. */
  from: (body: Record<string, unknown>) => Record<string, unknown>
  to: (body: Record<string, unknown>) => Record<string, unknown>
  list: (path: string) => Promise<Row[]>
  /** What was posted to be sent. */
  sends: () => Record<string, unknown>[]
}

export const customer = '6000000000000001'

/** Takes messages under the right token, says who people are, and holds one photo. */
function graphApi(): Provider['answer'] {
  let sent = 0
  return (seen, response) => {
    if (seen.path === '/photo') {
      response.writeHead(seen.headers.authorization === undefined ? 200 : 400, { 'content-type': 'image/png' }).end(png)
    } else if (seen.headers.authorization !== `Bearer ${accessToken}`) {
      json(response, 401, { error: { code: 190, message: 'Invalid OAuth access token', type: 'OAuthException' } })
    } else if (seen.method === 'GET') {
      json(response, 200, { id: customer, name: 'Mina Vogel' })
    } else if (seen.path === '/v24.0/me/messages') {
      json(response, 200, { recipient_id: customer, message_id: `m_out${++sent}` })
    } else if (seen.path === '/v24.0/me/message_attachments') {
      json(response, 200, { attachment_id: '77' })
    } else json(response, 404, { error: { code: 100, message: 'Unknown path components' } })
  }
}

export async function metaExchange(
  type: 'messenger' | 'instagram',
  account: string,
  within: { teardown(end: () => Promise<void>): unknown } = t,
): Promise<MetaExchange> {
  const service = await startTestService(within, { worker: true, listen: true })
  const graph = await provider(within, graphApi())
  const own = type === 'messenger' ? { pageId: account } : { accountId: account }
  const settings = { ...own, appSecret, verifyToken, accessToken, apiBaseUrl: `${graph.url}/v24.0` }
  const channel = await done(service, 'POST', '/v1/channels', { type, name: type, settings })
  const item = (sender: string, recipient: string, body: Record<string, unknown>) => ({
    sender: { id: sender },
    recipient: { id: recipient },
    timestamp: Date.now(),
    ...body,
  })
  const postEntry = async (entry: Record<string, unknown>): Promise<void> => {
    const object = type === 'messenger' ? 'page' : 'instagram'
    const body = JSON.stringify({ object, entry: [{ id: account, time: Date.now(), ...entry }] })
    const headers = {
      'x-hub-signature-256': signature(Buffer.from(body), appSecret),
      'content-type': 'application/json',
    }
    const answer = await service.request('POST', `/v1/ingest/${channel.id}`, { body, token: null, headers })
    if (answer.status !== 200) throw new Error(answer.text)
  }
  return {
    service,
    graph,
    channelId: channel.id,
    post: (one) => postEntry({ messaging: [one] }),
    change: (field, value) => postEntry({ changes: [{ field, value }] }),
    from: (body) => item(customer, account, body),
    to: (body) => item(account, customer, body),
    list: async (path) => (await done(service, 'GET', path)).data,
    sends: () => graph.seen.filter(({ path }) => path === '/v24.0/me/messages').map(({ body }) => JSON.parse(body)),
  }
}
