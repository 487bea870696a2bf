import type { FastifyInstance } from 'fastify'
import type { SetupStep } from '../../channels/channel.ts'
import { channelType } from '../../channels/index.ts'
import { lockRow } from '../../db/row-changes.ts'
import { Problem } from '../../errors.ts'
import { callerOf } from '../../http/guard.ts'
import { operation } from '../../http/operation.ts'
import type { Deps } from '../../http/records.ts'
import { idParams } from '../../http/schema.ts'
import { healthOf, healthPlan } from './health-plan.ts'
import { channelHealth, channelSetup } from './health-schema.ts'
import { channelFetch } from './queries.ts'
import { channels } from './schema.ts'
import { webhookUrl } from './webhook-url.ts'

/** Whether providers out there can post to our address: most take nothing but https, and none reaches a loopback. */
function isReachable(publicUrl: string): boolean {
  const { protocol, hostname } = new URL(publicUrl)
  return protocol === 'https:' && !/^(?:localhost|127\.|\[::1\])/.test(hostname)
}

const unreachable = (url: string): SetupStep => ({
  name: 'public_url',
  hint: 'Providers post to public https addresses only. Set PUBLIC_URL of this service to the one under which it can be reached; the addresses above begin with it. Now it is:',
  value: new URL(url).origin,
})

/** How a channel is, and how it is made known to its provider. */
export function channelHealthRoutes(app: FastifyInstance, { db, config }: Deps): void {
  app.get('/v1/channels/:id/health', {
    config: { access: { action: 'read', resource: channels.name } },
    schema: operation('channels.health', 'See how a channel is', {
      params: idParams,
      response: { 200: channelHealth },
      description:
        'For those who may read the field `lastError`: the last event and message, what waits and for how long, what has failed in the last 24 hours, and whether the provider refuses our token.',
    }),
    handler: async (request) => {
      const { id } = idParams.parse(request.params)
      const { rows } = await db.read(callerOf(request), { action: 'read', resource: channels.name }, (principal) =>
        healthPlan(principal, id),
      )
      const [found] = rows ?? []
      if (!found) throw new Problem('not_found', { audited: true })
      return healthOf(found, (type) => channelType(type)?.connect !== undefined)
    },
  })

  app.get('/v1/channels/:id/setup', {
    config: { access: { action: 'update', resource: channels.name } },
    schema: operation('channels.setup', 'See what to enter at the provider', {
      params: idParams,
      response: { 200: channelSetup },
      description:
        'For those who may change the channel’s settings: the address to post to and, where the provider asks for it, the verify token. Other secrets never come out.',
      errors: ['unprocessable'],
    }),
    handler: async (request, reply) => {
      const { id } = idParams.parse(request.params)
      reply.header('cache-control', 'no-store')
      return db.change(callerOf(request), { action: 'read', resource: channels.name }, async (tx) => {
        const [{ clear }, channel] = await Promise.all([
          lockRow(tx, channels, id, 'update'),
          channelFetch(tx, id).catch((cause: unknown) => {
            if (cause instanceof Problem) throw cause
            throw new Problem('unprocessable', {
              detail: 'The settings do not fit this release: enter them anew.',
              cause,
            })
          }),
        ])
        if (!channel) throw new Problem('not_found')
        // A token is shown to those who could as well set another.
        if (!tx.principal.ability.can('update', channels, clear, 'settings'))
          throw new Problem('forbidden', { recordIds: [id] })
        tx.touch({ resource: channels.name, ids: [id], shown: ['setup'], changed: [] })
        const url = webhookUrl(config.publicUrl, id)
        return {
          webhookUrl: url,
          isAutomatic: channel.type.connect !== undefined,
          steps: [
            ...channel.type.setup(channel.settings, url),
            ...(isReachable(config.publicUrl) ? [] : [unreachable(url)]),
          ],
        }
      })
    },
  })
}
