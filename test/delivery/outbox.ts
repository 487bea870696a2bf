import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { z } from 'zod'
import { createHttpClient } from '../../src/channels/http-client.ts'
import { startWorker } from '../../src/delivery/worker.ts'
import { json, type LocalServer, localServer, type Seen } from '../channels/local-server.ts'
import type { TestService } from '../harness/service.ts'
import { type Talk, talk, until, whatsappChannel } from '../resources/conversations/fixtures.ts'

type Teardown = { teardown(end: () => unknown): unknown }

/** A provider's double. How it answers is decided per request, in the order in which they come. */
export interface Provider extends LocalServer {
  answer: (seen: Seen, response: ServerResponse, count: number) => void
}

export async function provider(t: Teardown, answer: Provider['answer']): Promise<Provider> {
  let count = 0
  const server = await localServer((seen, response) => whole.answer(seen, response, ++count))
  const whole: Provider = Object.assign(server, { answer })
  t.teardown(() => server.close())
  return whole
}

const whatsappBody = z.strictObject({
  messaging_product: z.literal('whatsapp'),
  recipient_type: z.literal('individual'),
  to: z.string(),
  type: z.literal('text'),
  text: z.strictObject({ body: z.string(), preview_url: z.boolean() }),
  context: z.strictObject({ message_id: z.string() }).optional(),
  biz_opaque_callback_data: z.uuid(),
})

/** What a WhatsApp request asks for; throws when it is not as the Cloud API wants it. */
export const whatsappRequest = (seen: Seen): z.infer<typeof whatsappBody> => whatsappBody.parse(JSON.parse(seen.body))

export interface WhatsappOutbox {
  whatsapp: Provider
  channelId: string
  /** Takes a message as the Cloud API does. */
  accept: Provider['answer']
  /** A conversation, and what the provider is asked for it; from now on it answers so. */
  whatsappTalk: (answer?: Provider['answer']) => Promise<Talk & { asked: () => ReturnType<typeof whatsappRequest>[] }>
  /** The states of a conversation's messages once none waits any more. */
  settled: (one: Talk) => Promise<string[]>
}

/** A WhatsApp channel of a running service, with a double of its provider. */
export async function whatsappOutbox(t: Teardown, service: TestService): Promise<WhatsappOutbox> {
  const accept: Provider['answer'] = (_seen, response, count) =>
    json(response, 200, { messages: [{ id: `wamid.${count}` }] })
  const whatsapp = await provider(t, accept)
  const channelId = await whatsappChannel(service, `${whatsapp.url}/v24.0`)
  return {
    whatsapp,
    channelId,
    accept,
    whatsappTalk: async (answer = accept) => {
      whatsapp.answer = answer
      const one = await talk(service, { channelId, kind: 'whatsapp' })
      return { ...one, asked: () => whatsapp.seen.map(whatsappRequest).filter(({ to }) => to === one.phone.slice(1)) }
    },
    settled: async (one) => {
      await until(async () => !(await statusesOf(service, one.conversationId)).includes('queued'))
      return statusesOf(service, one.conversationId)
    },
  }
}

const connectorBody = z.strictObject({
  type: z.literal('message.outbound'),
  timestamp: z.iso.datetime(),
  data: z.strictObject({
    id: z.uuid(),
    to: z.strictObject({ value: z.string(), kind: z.string() }),
    thread: z.string().nullable(),
    replyTo: z.string().nullable(),
    message: z.strictObject({ type: z.literal('text'), text: z.string() }),
  }),
})

export const connectorRequest = (seen: Seen): z.infer<typeof connectorBody>['data'] =>
  connectorBody.parse(JSON.parse(seen.body)).data

/** A worker of this process beside the service's own. */
export function extraWorker(t: Teardown, service: TestService): { stop(): Promise<void> } {
  const http = createHttpClient({ allowPrivate: true })
  const worker = startWorker({
    db: service.db,
    http,
    config: service.config,
    log: pino({ level: 'silent' }),
    ownerUrl: service.ownerUrl,
    concurrency: 4,
  })
  const stop = async () => {
    await worker.stop()
    await http.close()
  }
  t.teardown(stop)
  return { stop }
}

/** The whole service in a process of its own, on the database of `service`. */
export async function otherProcess(t: Teardown, service: TestService): Promise<{ kill(): Promise<void> }> {
  const dataDir = mkdtempSync(join(tmpdir(), 'custodia-other-'))
  const child = spawn(process.execPath, [join(import.meta.dirname, '../../src/main.ts')], {
    env: {
      PATH: process.env.PATH,
      DATABASE_URL: service.ownerUrl,
      MASTER_KEY: service.config.masterKey,
      DATA_DIR: dataDir,
      PORT: '0',
      OUTBOUND_ALLOW_PRIVATE: 'true',
      LOG_LEVEL: 'error',
      LOG_PRETTY: 'false',
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let said = ''
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()))
  const gone = once(child, 'exit')
  const kill = async () => {
    child.kill('SIGKILL')
    await gone
    rmSync(dataDir, { recursive: true, force: true })
  }
  t.teardown(kill)
  await until(() => said.includes('listens on') || child.exitCode !== null, 20_000)
  if (child.exitCode !== null) throw new Error(`the other process ended: ${said}`)
  return { kill }
}

/** What the hub knows of a message, as the table holds it. */
export interface StoredMessage {
  id: string
  status: string
  error: { code: string; class: string } | null
  external_id: string | null
  attempts: number
  in_flight: boolean
}

export const storedMessages = (service: TestService, conversationId: string): Promise<StoredMessage[]> =>
  service.sql<StoredMessage & Record<string, unknown>>(
    `SELECT id, status, error, external_id, attempts, status = 'queued' AND dispatched_at IS NOT NULL AS in_flight
       FROM app.message WHERE conversation_id = $1 AND direction = 'outbound' ORDER BY occurred_at, id`,
    [conversationId],
  )

export const statusesOf = async (service: TestService, conversationId: string): Promise<string[]> =>
  (await storedMessages(service, conversationId)).map(({ status }) => status)

/** Lets the time pass that a dispatched message is left to whoever has taken it. */
export async function leaseEnds(service: TestService, conversationId: string): Promise<void> {
  await service.sql(
    `UPDATE app.message SET dispatched_at = dispatched_at - interval '5 minutes' WHERE conversation_id = $1`,
    [conversationId],
  )
  await service.sql(`UPDATE graphile_worker._private_jobs SET run_at = now() WHERE key LIKE 'send/%/' || $1 || '/%'`, [
    conversationId,
  ])
  // The workers poll, but a moment is theirs.
  await service.sql(`SELECT pg_notify('jobs:insert', '{"r":"test","count":1}')`)
}
