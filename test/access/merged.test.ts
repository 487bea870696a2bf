import { randomUUID } from 'node:crypto'
import { pgTable } from 'drizzle-orm/pg-core'
import { text } from 'drizzle-orm/pg-core/columns/text'
import { uuid } from 'drizzle-orm/pg-core/columns/uuid'
import pg from 'pg'
import t from 'tap'
import { z } from 'zod'
import { defineResource } from '../../src/access/define.ts'
import { grantSchema } from '../../src/access/grant.ts'
import type { Principal } from '../../src/access/principal.ts'
import { canBeMerged, declareMerged, mergedSql, mergesMax } from '../../src/access/tombstone.ts'
import { compile, fill, sql } from '../../src/db/sql.ts'
import { migratedDatabase } from '../harness/database.ts'
import { principalOf } from './principal.ts'

const table = pgTable('being', {
  tenantId: uuid('tenant_id').notNull(),
  id: uuid('id').notNull(),
  tag: text('tag').notNull(),
  state: text('state').notNull(),
  intoId: uuid('into_id'),
})
const [tenant, other] = [randomUUID(), randomUUID()]
const plain = {
  title: 'Being',
  description: 'What goes into one another.',
  table,
  tenant: table.tenantId,
  id: table.id,
  fields: { id: { column: table.id, schema: z.uuid() }, tag: { column: table.tag, schema: z.string() } },
}
const beings = defineResource({ ...plain, name: 'beings', state: table.state })
const strangers = defineResource({ ...plain, name: 'strangers', state: table.state })
const stateless = defineResource({ ...plain, name: 'stateless' })
declareMerged(beings, table.intoId)
declareMerged(stateless, table.intoId)
const models = new Map([beings, strangers, stateless].map((model) => [model.name, model]))

const who = (...grants: object[]): Principal =>
  principalOf([grants.map((one) => grantSchema.parse(one))], models, { tenantId: tenant })
const reads = (resource = 'beings', when?: object, actions = ['read']) => ({
  resource,
  actions,
  fields: { read: ['*'] },
  ...(when ? { when } : {}),
})

type Being = { tag: string; state?: string; into?: string; tenantId?: string }

/** Beings by their tags, and what a principal is told of one. */
async function world(t: { teardown(end: () => Promise<void>): unknown }, ...all: Being[]) {
  const url = process.env.TEST_PROBE_DATABASE ?? (await migratedDatabase(t)).url
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  t.teardown(() => client.end())
  await client.query('CREATE TEMP TABLE being (tenant_id uuid, id uuid, tag text, state text, into_id uuid)')
  const ids = new Map(all.map(({ tag }) => [tag, randomUUID()]))
  for (const { tag, state = 'merged', into = '', tenantId = tenant } of all)
    await client.query('INSERT INTO being VALUES ($1, $2, $3, $4, $5)', [
      tenantId,
      ids.get(tag),
      tag,
      state,
      ids.get(into) ?? null,
    ])
  const tagOf = (id: unknown): string => [...ids].find(([, one]) => one === id)?.[0] ?? 'nobody'
  return async (principal: Principal, tag: string): Promise<string | null> => {
    const told = mergedSql(principal, beings, sql`${sql.placeholder('id')}::uuid`)
    if (!told) return 'no way'
    const statement = compile(sql`SELECT ${told} AS told`)
    const { rows } = await client.query(statement.text, fill(statement, { id: ids.get(tag), eventTenant: tenant }))
    const value: unknown = rows[0]?.told
    if (value === null) return null
    return typeof value === 'object' && 'into' in value ? tagOf(value.into) : 'wrong shape'
  }
}

t.test('whoever could read a merged row is told where it went, if they see that one', async (t) => {
  const told = await world(
    t,
    { tag: 'first', into: 'second' },
    { tag: 'second', into: 'last' },
    { tag: 'last', state: 'active' },
    { tag: 'lost', into: 'trashed' },
    { tag: 'trashed', state: 'trashed' },
  )
  t.equal(await told(who(reads()), 'first'), 'last', 'all the way')
  t.equal(await told(who(reads()), 'second'), 'last')
  t.equal(await told(who(reads()), 'last'), null, 'it is what it is')
  t.equal(await told(who(reads()), 'trashed'), null)
  t.equal(await told(who(reads()), 'lost'), 'nobody', 'what is in the trash is there for those who restore')
  t.equal(await told(who(reads(), reads('beings', undefined, ['restore'])), 'lost'), 'trashed')
  const some = (tags: string[]) => who(reads('beings', { in: ['tag', tags] }))
  t.equal(await told(some(['first']), 'first'), 'nobody')
  t.equal(await told(some(['last']), 'first'), null, 'what they could not read is as unknown as before')
  t.equal(await told(some(['first', 'last']), 'first'), 'last', 'whatever lies between')
})

t.test('nobody is told who may not read, or of another tenant', async (t) => {
  const told = await world(
    t,
    { tag: 'mine', into: 'theirs' },
    { tag: 'theirs', state: 'active', tenantId: other },
    { tag: 'foreign', into: 'own', tenantId: other },
    { tag: 'own', state: 'active' },
  )
  t.equal(await told(who(), 'mine'), 'no way')
  t.equal(await told(who(reads('beings', undefined, ['update'])), 'mine'), 'no way', 'to change is not to read')
  t.equal(await told(who(reads()), 'mine'), 'nobody')
  t.equal(await told(who(reads()), 'foreign'), null)
})

t.test('so many merges are followed as there may be, and one more', async (t) => {
  const chain = Array.from({ length: mergesMax + 3 }, (_, i) => ({ tag: `n${i}`, into: `n${i + 1}` }))
  const told = await world(t, ...chain, { tag: `n${mergesMax + 3}`, state: 'active' })
  // The last one stands behind mergesMax + 3 steps of the first.
  t.equal(await told(who(reads()), 'n3'), `n${mergesMax + 3}`, 'as many')
  t.equal(await told(who(reads()), 'n2'), `n${mergesMax + 3}`, 'one more')
  t.equal(await told(who(reads()), 'n1'), 'nobody')
})

t.test('only what was declared can be merged, and only what has a state', async (t) => {
  t.ok(canBeMerged(beings))
  t.notOk(canBeMerged(strangers))
  t.equal(mergedSql(who(reads('strangers')), strangers, sql`NULL`), null)
  t.equal(mergedSql(who(reads('stateless')), stateless, sql`NULL`), null)
})
