import { randomUUID } from 'node:crypto'
import { type PgColumn, type PgTable, pgTable } from 'drizzle-orm/pg-core'
import { text } from 'drizzle-orm/pg-core/columns/text'
import { uuid } from 'drizzle-orm/pg-core/columns/uuid'
import t from 'tap'
import { z } from 'zod'
import { Ability } from '../../src/access/ability.ts'
import { defineResource } from '../../src/access/define.ts'
import { liveWhere, rowsWhere, sight } from '../../src/access/door.ts'
import { type Grant, grantSchema } from '../../src/access/grant.ts'
import type { ResourceModel } from '../../src/access/model.ts'
import type { Principal } from '../../src/access/principal.ts'
import { declareTombstone, leavesTombstone, tombstoneWhere } from '../../src/access/tombstone.ts'
import { compile, type SQL, sql } from '../../src/db/sql.ts'
import { principalOf } from './principal.ts'
import { me, probeTable } from './probe.ts'

const columns = {
  tenantId: uuid('tenant_id').notNull(),
  id: uuid('id').notNull(),
  unitId: uuid('unit_id').notNull(),
  state: text('state').notNull(),
  tag: text('tag'),
}
const whole = pgTable('whole', columns)
const part = pgTable('part', { ...columns, wholeId: uuid('whole_id').notNull() })
const loose = pgTable('part', { ...columns, wholeId: uuid('whole_id') })
type Table = PgTable & { tenantId: PgColumn; id: PgColumn; unitId: PgColumn; tag: PgColumn }
const fields = (table: Table) => ({
  id: { column: table.id, schema: z.uuid() },
  unitId: { column: table.unitId, schema: z.uuid() },
  tag: { column: table.tag, schema: z.string() },
})
const plain = (name: string, table: Table) => ({
  name,
  title: name,
  description: name,
  table,
  tenant: table.tenantId,
  id: table.id,
  unit: table.unitId,
  fields: fields(table),
})
const wholes = defineResource({ ...plain('wholes', whole), state: whole.state })
const parts = defineResource({ ...plain('parts', part), within: { model: wholes, id: part.wholeId } })
const loosely = defineResource({ ...plain('parts', loose), within: { model: wholes, id: loose.wholeId } })
const models = new Map<string, ResourceModel>([wholes, parts].map((model) => [model.name, model]))

const [here, there, tenant] = [randomUUID(), randomUUID(), randomUUID()]
const principal = (units: Principal['units'], ...layers: Grant[][]): Principal =>
  principalOf(layers, models, { tenantId: tenant, units })
const grant = (resource: string, when?: object, ...actions: string[]): Grant =>
  grantSchema.parse({ resource, actions: ['read', ...actions], fields: { read: ['*'] }, ...(when ? { when } : {}) })

/** Wholes: one of each unit and state. Parts: one of each whole, one of a whole of another tenant, one of none. */
async function filled(t: Parameters<typeof probeTable>[0]) {
  const { query } = await probeTable(t)
  await query(sql`CREATE TEMPORARY TABLE whole (tenant_id uuid, id uuid, unit_id uuid, state text, tag text)`)
  await query(
    sql`CREATE TEMPORARY TABLE part (tenant_id uuid, id uuid, unit_id uuid, state text, tag text, whole_id uuid)`,
  )
  for (const [unit, name] of [
    [here, 'here'],
    [there, 'there'],
  ] as const)
    for (const state of ['active', 'trashed', 'erased']) {
      const id = randomUUID()
      await query(sql`INSERT INTO whole VALUES (${tenant}, ${id}, ${unit}, ${state}, ${`${name} ${state}`})`)
      await query(
        sql`INSERT INTO part VALUES (${tenant}, ${randomUUID()}, ${here}, 'active', ${`of ${name} ${state}`}, ${id})`,
      )
    }
  await query(sql`INSERT INTO part SELECT ${randomUUID()}::uuid, ${randomUUID()}::uuid, ${here}::uuid, 'active', 'of another tenant’s', id
    FROM whole WHERE tag = 'here active'`)
  await query(sql`INSERT INTO part VALUES (${tenant}, ${randomUUID()}, ${here}, 'active', 'of none', NULL)`)
  const tags = async (table: SQL, where: SQL | false): Promise<unknown[]> =>
    where === false ? [] : (await query(sql`SELECT tag FROM ${table} WHERE ${where}`)).map(({ tag }) => tag).sort()
  return {
    wholes: (one: Principal) => tags(sql`whole`, rowsWhere(one, wholes, 'read')),
    live: (one: Principal) => tags(sql`whole`, liveWhere(one, wholes)),
    parts: (one: Principal, model: ResourceModel = parts) => tags(sql`part`, rowsWhere(one, model, 'read')),
    tombs: (one: Principal, model: ResourceModel) => tags(sql`whole`, tombstoneWhere(one, model) ?? false),
  }
}

t.test('a member sees the rows of its business units, under every role', async (t) => {
  const table = await filled(t)
  const all = ['here active', 'here erased', 'here trashed', 'there active', 'there erased', 'there trashed']
  const open = [grant('wholes')]
  t.same(await table.wholes(principal('*', open)), all, 'all of them is said, never left out')
  t.same(await table.wholes(principal([here, there], open)), all)
  t.same(await table.wholes(principal([here], open)), all.slice(0, 3))
  t.same(await table.wholes(principal([], open)), [], 'of no unit: no row')
  const elsewhere = [grant('wholes', { eq: ['unitId', there] })]
  t.same(await table.wholes(principal([here], elsewhere)), [], 'a role does not lead out of them')
  t.same(await table.wholes(principal('*', elsewhere)), all.slice(3))
  const same = [grant('wholes', { and: [{ in: ['unitId', [here, there]] }, { eq: ['tag', 'here active'] }] })]
  t.same(await table.wholes(principal([here, there], same)), ['here active'])
  t.same(await table.wholes(principal([there], same)), [])
  t.same(
    await table.wholes(principal('*', [grant('wholes', { eq: ['unitId', here] })], elsewhere)),
    [],
    'both must allow',
  )
  t.equal(rowsWhere(principal('*', []), wholes, 'read'), false)
  t.equal(rowsWhere(principal('*', open, []), wholes, 'read'), false)
  t.equal(rowsWhere(principal('*', open), wholes, 'update'), false, 'to read is not to write')
})

t.test('trashed rows are there for whoever may bring them back, in the rows that it may', async (t) => {
  const table = await filled(t)
  t.same(await table.live(principal('*', [grant('wholes')])), ['here active', 'there active'])
  const restores = [grant('wholes', undefined, 'restore')]
  t.same(await table.live(principal('*', restores)), ['here active', 'here trashed', 'there active', 'there trashed'])
  t.same(await table.live(principal([there], restores)), ['here active', 'there active', 'there trashed'])
  const some = [grant('wholes', { eq: ['tag', 'here trashed'] }, 'restore')]
  t.same(await table.live(principal('*', some)), ['here active', 'here trashed', 'there active'])
  const { query } = await probeTable(t)
  t.same(
    await query(sql`SELECT ${liveWhere(principal('*', restores), parts)} AS all`),
    [{ all: true }],
    'what is never trashed',
  )
})

t.test('whoever does not see the whole does not see its parts', async (t) => {
  const table = await filled(t)
  const all = [grant('wholes'), grant('parts')]
  t.same(await table.parts(principal('*', all)), ['of here active', 'of there active'], 'nor of what is trashed')
  t.same(await table.parts(principal([here], all)), ['of here active'])
  const restores = [grant('wholes', undefined, 'restore'), grant('parts')]
  t.same(await table.parts(principal([here], restores)), ['of here active', 'of here trashed'])
  const some = [grant('wholes', { eq: ['tag', 'there active'] }), grant('parts')]
  t.same(await table.parts(principal('*', some)), ['of there active'])
  const none = principal('*', [grant('parts')])
  t.equal(rowsWhere(none, parts, 'read'), false)
  t.same(await table.parts(none, loosely), ['of none'], 'what is part of nothing is not hidden with it')
  t.same(await table.parts(principal('*', all), loosely), ['of here active', 'of none', 'of there active'])
  t.same(await table.parts(principal([there], all), loosely), [], 'its own unit counts all the same')
})

t.test('of an erased row learns who could have read it by what is left of it, and nobody else', async (t) => {
  const table = await filled(t)
  const gone = { ...wholes, name: 'gone' }
  const models = new Map<string, ResourceModel>([['gone', gone]])
  const who = (units: Principal['units'], ...layers: (object | undefined)[][]): Principal => {
    const abilities = layers.map((all) =>
      Ability.of(
        all.map((when) => grant('gone', when)),
        me,
        models,
      ),
    )
    return { ...principal(units, []), ability: abilities.reduce((all, one) => all.and(one)) }
  }
  t.equal(leavesTombstone(gone), false)
  t.equal(tombstoneWhere(who('*', [undefined]), gone), null, 'where nothing is left, nobody')
  declareTombstone(gone, ['unitId'])
  t.equal(leavesTombstone(gone), true)
  const [all, mine] = [['here erased', 'there erased'], ['here erased']]
  const [atHere, atThere, tagged] = [here, there, 'here erased'].map((value, i) => ({
    eq: [i < 2 ? 'unitId' : 'tag', value],
  }))
  for (const [what, one, seen] of [
    ['who reads all', who('*', [undefined]), all],
    ['who reads all of some units', who([here], [undefined]), mine],
    ['who has no unit', who([], [undefined]), []],
    ['who has some rows', who('*', [atHere]), mine],
    ['who has some rows or others', who('*', [atHere, atThere]), all],
    ['who has some rows and all', who('*', [atHere, undefined]), all],
    ['who has rows by a value that is gone', who('*', [tagged]), []],
    ['or by the lack of it', who('*', [{ not: tagged }]), []],
    ['or by one that is gone and one that is left', who('*', [{ and: [atHere, tagged] }]), []],
    ['or by one of them', who('*', [{ or: [atHere, tagged] }]), []],
    ['who has rows by several that are left', who('*', [{ and: [atHere, { not: atThere }] }]), mine],
    ['who has some by what is left and others by what is gone', who('*', [tagged, atHere]), mine],
    ['who reads nothing', who('*', []), []],
    ['whose key reads less', who('*', [undefined], [atHere]), mine],
    ['whose key reads nothing', who('*', [undefined], []), []],
    ['whose key reads by what is gone', who('*', [undefined], [tagged]), []],
    ['both by what is left', who('*', [atThere], [atHere]), []],
  ] as const)
    t.same(await table.tombs(one, gone), seen, what)
  t.same(await table.tombs(who([here], [undefined]), { ...gone, unit: null }), all, 'where rows have no unit')
  t.equal(tombstoneWhere(who('*', [undefined]), { ...gone, state: null }), null, 'what is never erased')
})

t.test('a noun’s own rule about rows holds under every role', async (t) => {
  const table = await filled(t)
  const asked: Principal[] = []
  const rows = (one: Principal) => {
    asked.push(one)
    return sql`${part.tag} = 'of here active'`
  }
  const owner = principal('*', [grant('wholes'), grant('parts')])
  t.same(await table.parts(owner, { ...parts, rows }), ['of here active'])
  t.same(asked, [owner])
  t.same(await table.parts(owner, { ...parts, rows: () => null }), ['of here active', 'of there active'])
  t.equal(rowsWhere(principal('*', [grant('wholes')]), { ...parts, rows }, 'read'), false, 'it gives nothing')
})

t.test('what every row is asked already, no condition asks again', async (t) => {
  const text = (one: Principal, model: ResourceModel = wholes): string =>
    compile(sql`${rowsWhere(one, model, 'read')}`).text
  const times = (found: string): number => found.split('"unit_id"').length - 1
  const mine = [grant('wholes', { and: [{ in: ['unitId', [here, there]] }, { eq: ['tag', 'a'] }] })]
  t.equal(times(text(principal([there, here], mine))), 1, 'its own units')
  t.equal(times(text(principal([here], mine))), 2, 'others are asked for')
  t.match(text(principal('*', mine)), here, 'and who sees all units is asked')
  const only = text(principal([here], [grant('wholes')]))
  t.match(only, `"unit_id" = '${here}'::uuid`, 'one unit is asked for as one: an index keeps its order')
  t.match(text(principal([here, there], mine), { ...wholes, unit: null }), here, 'and where rows have no unit')
  const halves = [grant('wholes', { eq: ['unitId', here] }), grant('wholes', { eq: ['tag', 'a'] })]
  const [tags, units] = halves.map((one, i) => ({ ...one, fields: { read: [i === 0 ? 'tag' : 'unitId'] } }))
  const one = principal(
    [here],
    [tags, units].flatMap((half) => half ?? []),
  )
  t.equal(sight(one, wholes, 'tag')?.clear, true, 'of the rows of its units a member sees it in all')
  t.type(sight(one, wholes, 'unitId')?.clear, 'object')
  t.equal(text(principal('*', [grant('wholes')])), 'true', 'nothing is asked where nothing is to be')
  t.equal(text(principal('*', [grant('wholes')], [grant('wholes')])), 'true')
})
