import { uuid } from 'drizzle-orm/pg-core/columns/uuid'
import { app, declare, instant, key, system } from './declare.ts'

/** Turns of channels and addresses: an id and moments that lie seconds apart; swept when they are over. */
export const sendPace = app.table('send_pace', {
  tenantId: uuid('tenant_id').notNull(),
  paceId: uuid('pace_id').notNull(),
  nextAt: instant('next_at').notNull(),
  pausedUntil: instant('paused_until'),
})
declare('send_pace', sendPace, null, { tenantId: key, paceId: key, nextAt: system, pausedUntil: system })
