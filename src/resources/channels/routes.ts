import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import type { JsonRow, Tx } from '../../db/database.ts'
import { sql } from '../../db/sql.ts'
import { collection } from '../../http/collection.ts'
import type { Change } from '../../http/record-changes.ts'
import type { Deps } from '../../http/records.ts'
import { fitsAnother } from './documented.ts'
import { channelHealthRoutes } from './health-routes.ts'
import { channelFetch, checkAccountFree, routeWaiting, type WorkingChannel } from './queries.ts'
import { channels } from './schema.ts'
import { checkedSettings, madeSecrets, mergePatch, settingsColumns, typeNamed } from './settings.ts'

/** Channels: their secrets go in with the settings, are kept sealed, and never come out again. */
export function channelRoutes(app: FastifyInstance, deps: Deps): void {
  channelHealthRoutes(app, deps)
  const made = new WeakMap<object, WorkingChannel & { secrets: Record<string, string> }>()

  app.register(async (scope) => {
    // The address that providers post to begins with ours, which only the settings know.
    scope.addHook('preSerialization', async (_request, _reply, payload) => whole(payload, deps.config.publicUrl))

    collection(scope, deps, {
      resource: channels,
      searchable: true,
      ifMatchRequired: true,
      createdAnswer: channels.answer
        .extend({
          secret: z.string().optional().meta({
            description: 'The secret that was made because none was given; shown this once.',
            example: 'whsec_…',
          }),
          secrets: z
            .record(z.string(), z.string())
            .optional()
            .meta({
              description: 'All secrets that were made, by the setting’s name; shown this once.',
              example: { secret: 'whsec_…' },
            }),
        })
        .meta({ id: 'ChannelCreated', description: 'A new channel, with the secret that was made for it.' }),
      create: async ({ tx, id, body, after }) => {
        const type = typeNamed(String(body.type))
        const given = checkedSettings(type, body.settings)
        const settings = type.generate?.(given) ?? given
        const columns = settingsColumns(tx.keys, id, { type, settings })
        made.set(after, {
          id,
          type,
          settings,
          businessUnitId: String(after.businessUnitId),
          teamId: null,
          isActive: true,
          appHash: hashOf(columns),
          secrets: madeSecrets(type, given, settings),
        })
        await Promise.all([
          checkAccountFree(tx, id, { type, settings }),
          tx.query(sql`SELECT directory.register_channel(${id}::uuid)`),
        ])
        return columns
      },
      created: async ({ tx, after }) => {
        const channel = made.get(after)
        if (!channel) return
        await routeWaiting(tx, channel)
        await connectLater(tx, channel)
      },
      createdExtra: ({ after }) => {
        const secrets = made.get(after)?.secrets ?? {}
        const [secret] = Object.values(secrets)
        return secret === undefined ? {} : { secret, secrets }
      },
      change: changed,
      restore: async ({ tx, id, after }) => {
        const channel = { ...(await channelBefore(tx, id)), isActive: after.status === 'active' }
        await routeWaiting(tx, channel)
        await connectLater(tx, channel)
        return {}
      },
    })
  })
}

/** Settings are patched as a whole, secrets included: those left out stay, those given replace. */
async function changed({ tx, id, body, after }: Change): Promise<JsonRow> {
  if (!('settings' in body) && !('status' in body)) return {}
  const before = await channelBefore(tx, id)
  const isActive = after.status === 'active'
  if (!('settings' in body)) {
    await routeWaiting(tx, { ...before, isActive })
    await connectLater(tx, { ...before, isActive })
    return {}
  }
  // What only the stored type makes wrong is understood, and refused by a rule.
  const code = fitsAnother(before.type.type, body.settings) ? 'unprocessable' : 'invalid_request'
  const checked = checkedSettings(before.type, mergePatch(before.settings, body.settings), code)
  // What the provider is told by ourselves nobody else need know: a secret that was taken away is made anew.
  const settings = before.type.connect ? (before.type.generate?.(checked) ?? checked) : checked
  await checkAccountFree(tx, id, { type: before.type, settings })
  const columns = settingsColumns(tx.keys, id, { type: before.type, settings })
  const channel = { ...before, settings, isActive, appHash: hashOf(columns) }
  await routeWaiting(tx, channel)
  await connectLater(tx, channel)
  return { ...columns, ...(channel.type.connect ? { connect_state: 'pending', connect_error: null } : {}) }
}

/** Has the provider told where to post, where it can be. */
async function connectLater(tx: Tx, { id, type, isActive }: WorkingChannel): Promise<void> {
  if (!type.connect || !isActive) return
  const { tenantId, region } = tx.principal
  await tx.enqueue('connect', `connect/${tenantId}/${id}`, { tenantId, region, channelId: id })
}

async function channelBefore(tx: Tx, id: string): Promise<WorkingChannel> {
  const channel = await channelFetch(tx, id)
  if (!channel) throw new Error('a locked channel is gone')
  return channel
}

const hashOf = (columns: Readonly<JsonRow>): Buffer | null =>
  Buffer.isBuffer(columns.app_hash) ? columns.app_hash : null

/** The door gives the path; what leaves is the whole address, in a record and in each of a list. */
function whole(payload: unknown, publicUrl: string): unknown {
  if (typeof payload !== 'object' || payload === null) return payload
  if ('data' in payload && Array.isArray(payload.data))
    return { ...payload, data: payload.data.map((one: unknown) => whole(one, publicUrl)) }
  if (!('webhookUrl' in payload) || typeof payload.webhookUrl !== 'string') return payload
  return payload.webhookUrl.startsWith('/') ? { ...payload, webhookUrl: `${publicUrl}${payload.webhookUrl}` } : payload
}
