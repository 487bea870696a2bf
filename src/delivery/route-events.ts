import { channelFetch, routeWaiting } from '../resources/channels/queries.ts'
import { systemCaller } from '../resources/tenants/create.ts'
import type { Task } from './task.ts'

/** Gives a channel the events that came before it was there, when there were many or some came just then. */
export const routeEvents: Task = async ({ db }, { tenantId = '', region = '', channelId = '' }) => {
  const caller = systemCaller(db, { tenantId, region }, channelId)
  await db.change(caller, { action: 'update', resource: 'inbound-events' }, async (tx) => {
    const channel = await channelFetch(tx, channelId)
    tx.touch({ resource: 'channels', ids: [channelId] })
    if (channel) await routeWaiting(tx, channel, false)
  })
}
