import { bigint } from 'drizzle-orm/pg-core/columns/bigint'
import { customType } from 'drizzle-orm/pg-core/columns/custom'
import { integer } from 'drizzle-orm/pg-core/columns/integer'
import { text } from 'drizzle-orm/pg-core/columns/text'
import { uuid } from 'drizzle-orm/pg-core/columns/uuid'
import { pgSchema } from 'drizzle-orm/pg-core/schema'
import { app, bytea, declare, instant, key, secret, system } from './declare.ts'

const audit = pgSchema('audit')
const xid8 = customType<{ data: string }>({ dataType: () => 'xid8' })

export const auditLeaf = audit.table('leaf', {
  tenantId: uuid('tenant_id').notNull(),
  leafIndex: bigint('leaf_index', { mode: 'number' }).notNull(),
  leafHash: bytea('leaf_hash').notNull(),
  eventId: uuid('event_id').notNull(),
  occurredAt: instant('occurred_at').notNull(),
})
declare('audit.leaf', auditLeaf, null, {
  tenantId: key,
  leafIndex: system,
  leafHash: system,
  eventId: key,
  occurredAt: system,
})

export const auditNode = audit.table('node', {
  tenantId: uuid('tenant_id').notNull(),
  level: integer('level').notNull(),
  nodeIndex: bigint('node_index', { mode: 'number' }).notNull(),
  hash: bytea('hash').notNull(),
})
declare('audit.node', auditNode, null, { tenantId: key, level: system, nodeIndex: system, hash: system })

export const auditCheckpoint = audit.table('checkpoint', {
  tenantId: uuid('tenant_id').notNull(),
  size: bigint('size', { mode: 'number' }).notNull(),
  rootHash: bytea('root_hash').notNull(),
  epoch: integer('epoch').notNull(),
  watermark: xid8('watermark').notNull(),
  keyGeneration: integer('key_generation').notNull(),
  note: text('note').notNull(),
  madeAt: instant('made_at').notNull(),
})
declare('audit.checkpoint', auditCheckpoint, null, {
  tenantId: key,
  size: system,
  rootHash: system,
  epoch: system,
  watermark: system,
  keyGeneration: system,
  note: system,
  madeAt: system,
})

export const signingKey = audit.table('signing_key', {
  tenantId: uuid('tenant_id').notNull(),
  generation: integer('generation').notNull(),
  publicKey: bytea('public_key').notNull(),
  endorsement: text('endorsement').notNull(),
  madeAt: instant('made_at').notNull(),
})
declare('audit.signing_key', signingKey, null, {
  tenantId: key,
  generation: system,
  publicKey: system,
  endorsement: system,
  madeAt: system,
})

export const signingSecret = app.table('signing_secret', {
  tenantId: uuid('tenant_id').notNull(),
  generation: integer('generation').notNull(),
  sealedPrivateKey: bytea('sealed_private_key').notNull(),
})
declare('signing_secret', signingSecret, null, { tenantId: key, generation: system, sealedPrivateKey: secret })
