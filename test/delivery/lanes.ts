import { randomUUID } from 'node:crypto'
import { createHttpClient } from '../../src/channels/http-client.ts'
import { signWebhook } from '../../src/channels/standard-webhooks.ts'
import { normaliser, type Patience } from '../../src/delivery/normalise.ts'
import type { WorkContext } from '../../src/delivery/task.ts'
import { startTestService, type TestService, type TestServiceOptions } from '../harness/service.ts'
import { post, whatsappChannel } from '../resources/ingest/posts.ts'

/** Nobody waits in a test. */
export const hasty: Patience = { failureDelaysMs: [0, 0, 0, 0], waitingDelaysMs: [0, 0] }

export interface Lanes {
  service: TestService
  context: WorkContext
  /** Makes a connector and gives what posts events to it. */
  connector(extra?: Record<string, unknown>): Promise<{ id: string; send(...events: object[]): Promise<void> }>
  /** Makes a WhatsApp channel and gives what posts bodies to it. */
  whatsapp(extra?: Record<string, unknown>): Promise<{ id: string; send(body: string | object): Promise<void> }>
  /** Has every lane drained that something waits in, one after the other, until nothing is left that is due. */
  drain(patience?: Patience): Promise<void>
  /** The lanes in which something waits. */
  waiting(): Promise<{ lane: string; channelId: string }[]>
  /** Drains one lane, as a job does. */
  run(lane: { lane: string; channelId: string }, patience?: Patience): Promise<void>
}

/** A service that takes posts in, whose lanes the test drains itself. */
export async function startLanes(
  t: { teardown(end: () => Promise<void>): unknown },
  options: TestServiceOptions = {},
): Promise<Lanes> {
  const service = await startTestService(t, options)
  const { db, config, log, tenantId } = service
  const http = createHttpClient({ allowPrivate: true })
  const context: WorkContext = { db, http, config, log }
  t.teardown(() => http.close())

  const made = async (body: object) => {
    const answer = await service.request('POST', '/v1/channels', { body })
    if (answer.status !== 201) throw new Error(answer.text)
    return answer
  }
  const waiting: Lanes['waiting'] = () =>
    service.sql<{ lane: string; channelId: string }>(
      `SELECT encode(lane, 'hex') AS lane, min(channel_id::text) AS "channelId" FROM app.inbound_event WHERE status = 'stored' GROUP BY lane ORDER BY min(sequence)`,
    )
  const run: Lanes['run'] = (lane, patience = hasty) =>
    normaliser(patience)(context, { tenantId, region: 'default', ...lane }, { attempts: 1, maxAttempts: 25 })

  return {
    service,
    context,
    waiting,
    run,
    connector: async (extra = {}) => {
      const channel = await made({ type: 'connector', name: 'Connector', settings: {}, ...extra })
      return {
        id: channel.id,
        send: async (...events) => {
          const body = JSON.stringify({ events })
          const headers = signWebhook(randomUUID(), new Date(), body, channel.string('secret'))
          const answer = await service.request('POST', `/v1/ingest/${channel.id}`, { token: null, body, headers })
          const rejected = answer.status === 202 ? answer.body.rejected : answer.text
          if (!Array.isArray(rejected) || rejected.length > 0) throw new Error(answer.text)
        },
      }
    },
    whatsapp: async (extra = {}) => {
      const channel = await made(whatsappChannel(extra))
      return {
        id: channel.id,
        send: async (body) => {
          const answer = await post(service, channel.id, typeof body === 'string' ? body : JSON.stringify(body))
          if (answer.status !== 200) throw new Error(answer.text)
        },
      }
    },
    drain: async (patience = hasty) => {
      for (let round = 0; round < 20; round++) {
        const lanes = await waiting()
        if (lanes.length === 0) return
        for (const lane of lanes) await run(lane, patience)
      }
      throw new Error('the lanes do not come to an end')
    },
  }
}

let count = 0

/** A message from Ada, the connector's customer. */
export const said = (text: string, more: Record<string, unknown> = {}): Record<string, unknown> => ({
  id: `evt-${++count}`,
  type: 'message',
  occurredAt: new Date(1_780_000_000_000 + count * 1_000).toISOString(),
  from: { value: 'ada', displayName: 'Ada Lovelace' },
  message: { type: 'text', text },
  ...more,
})

/** What became of the events, in their order. */
export async function statuses(service: TestService): Promise<string[]> {
  const rows = await service.sql<{ status: string }>('SELECT status FROM app.inbound_event ORDER BY sequence')
  return rows.map((row) => row.status)
}

/** What the messages say, in the order in which they were made. */
export async function texts(service: TestService): Promise<string[]> {
  const rows = await service.sql<{ text: string }>('SELECT text FROM app.message ORDER BY created_at, occurred_at')
  return rows.map((row) => row.text)
}
