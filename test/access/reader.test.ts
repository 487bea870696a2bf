import { randomUUID } from 'node:crypto'
import t from 'tap'
import { z } from 'zod'
import { readCondition } from '../../src/access/condition.ts'
import { conditionSql } from '../../src/access/condition-sql.ts'
import { defineResource } from '../../src/access/define.ts'
import { fieldSql, sight } from '../../src/access/door.ts'
import { grantSchema } from '../../src/access/grant.ts'
import type { Field, ResourceModel } from '../../src/access/model.ts'
import { type Principal, readerOf } from '../../src/access/principal.ts'
import { sql } from '../../src/db/sql.ts'
import { principalOf } from './principal.ts'
import { me, probe, probeTable } from './probe.ts'

/** The probe with some of its fields declared otherwise. */
function declared(more: Readonly<Record<string, Partial<Field>>>): ResourceModel {
  const fields = new Map(probe.fields)
  for (const [name, part] of Object.entries(more)) {
    const field = fields.get(name)
    if (field) fields.set(name, { ...field, ...part })
  }
  return { ...probe, fields }
}

function principal(model: ResourceModel, grants: readonly object[], more: Partial<Principal> = {}): Principal {
  const others: ResourceModel = { ...probe, name: 'others' }
  const models = new Map([
    [model.name, model],
    [others.name, others],
  ])
  return principalOf([grants.map((one) => grantSchema.parse(one))], models, more)
}

const all = { resource: 'probes', actions: ['read'], fields: { read: ['*'] } }

t.test('who reads is the member, or the one for whom a key acts; else nobody', async (t) => {
  const model = declared({})
  const [key, member] = [randomUUID(), randomUUID()]
  t.equal(readerOf(principal(model, [])), me.id)
  t.equal(readerOf(principal(model, [], { kind: 'apiKey', id: key, onBehalfOf: member })), member)
  for (const kind of ['apiKey', 'connector', 'system'] as const)
    t.equal(readerOf(principal(model, [], { kind, id: key })), null, kind)
})

t.test(
  'a field that needs another resource is there for those only who may read that one, a role of all fields or not',
  async (t) => {
    const model = declared({ text: { needs: 'others' } })
    const other = (action: string) => ({ resource: 'others', actions: [action], fields: { read: ['text'] } })
    t.equal(sight(principal(model, [all]), model, 'text'), null)
    t.equal(sight(principal(model, [all, other('create')]), model, 'text'), null, 'to write there is not enough')
    t.ok(sight(principal(model, [all, other('read')]), model, 'text'))
    t.ok(sight(principal(model, [all]), model, 'phone'), 'other fields need nothing')
  },
)

t.test('a field of which each has their own shows the one of whoever asks', async (t) => {
  const model = declared({ text: { own: ({ id }) => sql`${id}::text` } })
  const { query, fill } = await probeTable(t)
  await fill([{ text: 'shared', words: [], ids: [] }])
  const seen = async (one: Principal, name: string): Promise<unknown> => {
    const found = sight(one, model, name)
    const [row] = found ? await query(sql`SELECT ${fieldSql(found, 'select')} AS value FROM probe`) : []
    return row?.value
  }
  const other = randomUUID()
  t.equal(await seen(principal(model, [all]), 'text'), me.id)
  t.equal(await seen(principal(model, [all], { id: other }), 'text'), other)
  t.same(await seen(principal(model, [all]), 'words'), [])
})

t.test('a list within another one is found by both', async (t) => {
  const { query, fill } = await probeTable(t)
  await fill([
    { text: 'both', words: ['a', 'b'], ids: [me.id] },
    { text: 'one', words: ['a', 'b'], ids: [] },
  ])
  // Where the row has an id, all its words; else none of them.
  const within = sql`CASE WHEN cardinality("probe"."ids") > 0 THEN "probe"."words" ELSE '{}' END`
  const model = defineResource({
    name: 'probes',
    title: 'Probe',
    description: 'A list that stands within another.',
    table: probe.id.table,
    tenant: probe.tenant,
    id: probe.id,
    fields: {
      words: { value: sql`"probe"."words"`, kind: 'textList', within, schema: z.array(z.string()) },
    },
  })
  const found = async (condition: object): Promise<unknown[]> => {
    const read = readCondition(condition, model, me, () => true)
    const where = conditionSql(read, (name) => model.fields.get(name) ?? null)
    return (await query(sql`SELECT text FROM probe WHERE ${where}`)).map((row) => row.text)
  }
  t.same(await found({ eq: ['words', 'b'] }), ['both'])
  t.same(await found({ in: ['words', ['b', 'c']] }), ['both'])
  t.same(await found({ eq: ['words', 'c'] }), [])
})
