import { pgTable } from 'drizzle-orm/pg-core'
import { bigint } from 'drizzle-orm/pg-core/columns/bigint'
import { boolean } from 'drizzle-orm/pg-core/columns/boolean'
import { date } from 'drizzle-orm/pg-core/columns/date'
import { integer } from 'drizzle-orm/pg-core/columns/integer'
import { jsonb } from 'drizzle-orm/pg-core/columns/jsonb'
import { numeric } from 'drizzle-orm/pg-core/columns/numeric'
import { smallint } from 'drizzle-orm/pg-core/columns/smallint'
import { text } from 'drizzle-orm/pg-core/columns/text'
import { timestamp } from 'drizzle-orm/pg-core/columns/timestamp'
import { uuid } from 'drizzle-orm/pg-core/columns/uuid'
import t from 'tap'
import { z } from 'zod'
import { commonFields, defineResource, type FieldDefinition, idOf, time } from '../../src/access/define.ts'
import { compile, type SQL, sql } from '../../src/db/sql.ts'

const table = pgTable('thing', {
  tenantId: uuid('tenant_id').notNull(),
  id: uuid('id').notNull(),
  text: text('text'),
  name: text('name').notNull(),
  small: smallint('small'),
  whole: integer('whole'),
  big: bigint('big', { mode: 'number' }),
  exact: numeric('exact'),
  scaled: numeric('scaled', { precision: 10, scale: 2 }),
  flag: boolean('flag'),
  at: timestamp('at', { withTimezone: true, mode: 'string' }),
  day: date('day'),
  words: text('words').array().notNull(),
  maybeWords: text('maybe_words').array(),
  ids: uuid('ids').array().notNull(),
  json: jsonb('json'),
  veiled: jsonb('veiled'),
  version: integer('version').notNull(),
  createdAt: timestamp('created_at').notNull(),
  updatedAt: timestamp('updated_at').notNull(),
  trashedAt: timestamp('trashed_at'),
})
const frame = { name: 'things', title: 'OddThing', description: 'What is defined.', table, tenant: table.tenantId }
const thing = (fields: Record<string, FieldDefinition>, more: object = {}) =>
  defineResource({ ...frame, id: table.id, fields, ...more })
const field = (definition: FieldDefinition) => thing({ one: definition }).fields.get('one')
const textOf = (statement: SQL | undefined | null): string => (statement ? compile(sql`SELECT ${statement}`).text : '')

t.test('a field is what its column is', async (t) => {
  const is = (column: FieldDefinition['column'], kind: string, mask: string, sortable: boolean): void => {
    const made = field({ column, schema: z.unknown() })
    t.equal(made?.kind, kind, `${column?.name}`)
    t.equal(made?.mask, mask, `mask of ${kind}`)
    t.equal(made?.sortable, sortable, `order of ${kind}`)
    t.equal(made?.filterable, kind !== 'json', `filter of ${kind}`)
    t.equal(made?.column, column)
    t.match(textOf(made?.value), `"${column?.name}"`)
  }
  is(table.text, 'text', 'text', true)
  is(table.id, 'uuid', 'hidden', false)
  is(table.small, 'number', 'number', true)
  is(table.whole, 'number', 'number', true)
  is(table.big, 'number', 'number', true)
  is(table.exact, 'number', 'number', true)
  is(table.scaled, 'number', 'number', true)
  is(table.flag, 'boolean', 'hidden', false)
  is(table.at, 'time', 'hidden', true)
  is(table.day, 'date', 'date', true)
  is(table.words, 'textList', 'hidden', false)
  is(table.ids, 'uuidList', 'hidden', false)
  is(table.json, 'json', 'hidden', false)
  t.equal(field({ column: table.text, kind: 'choice', schema: z.string() })?.sortable, true)
  t.equal(field({ column: table.text, kind: 'choice', schema: z.string() })?.mask, 'hidden')
})

t.test('what a noun says of a field counts more than its column', async (t) => {
  const made = field({
    column: table.json,
    value: sql`length('abc')`,
    kind: 'number',
    mask: 'phone',
    veil: (value) => sql`'veil of ' || ${value}`,
    search: 'phone',
    exact: { normal: (value) => value, sql: (value) => value },
    filter: false,
    sort: false,
    schema: z.number(),
  })
  t.match(made, { name: 'one', kind: 'number', mask: 'phone', search: 'phone', filterable: false, sortable: false })
  t.equal(textOf(made?.value), `SELECT length('abc')`)
  t.equal(textOf(made?.veil?.(sql`'it'`)), `SELECT 'veil of ' || 'it'`)
  t.ok(made?.exact)
  t.match(field({ column: table.json, filter: true, sort: true, schema: z.unknown() }), {
    filterable: true,
    sortable: true,
  })
  const plain = field({ value: sql`1`, kind: 'number', schema: z.number() })
  t.match(plain, { column: null, veil: null, detected: null, search: null, exact: null, stored: null })
  const faulty = [
    { schema: z.string() },
    { value: sql`1`, schema: z.number() },
    { kind: 'text', schema: z.string() },
  ] as const
  for (const definition of faulty)
    t.throws(() => field(definition), { message: 'things.one has neither a column nor a value with its kind' })
})

t.test('where a mask hides what was found in a value, the rest of it stands in a column of its own', async (t) => {
  const found = (definition: FieldDefinition) => field({ veiledIn: table.veiled, ...definition })?.detected
  const body = found({ column: table.text, schema: z.string() })
  t.equal(textOf(body?.where), `SELECT "thing"."veiled" ? 'one'`, 'under the name of the field')
  t.equal(textOf(body?.rest), `SELECT coalesce("thing"."veiled" ->> 'one', "thing"."text")`)
  const json = found({ column: table.json, schema: z.unknown() })
  t.equal(textOf(json?.rest), `SELECT coalesce("thing"."veiled" -> 'one', "thing"."json")`)
})

t.test('a record shows what may be shown', async (t) => {
  const { answer } = thing({
    id: { column: table.id, schema: idOf('Its id.') },
    text: { column: table.text, schema: z.literal('a').meta({ description: 'A text.', example: 'a' }) },
    name: { column: table.name, mask: 'name', schema: z.literal('a') },
    email: { column: table.name, mask: 'email', schema: z.literal('a') },
    phone: { column: table.name, mask: 'phone', schema: z.literal('a') },
    choice: { column: table.name, kind: 'choice', schema: z.literal('a') },
    whole: { column: table.whole, schema: z.literal(1) },
    nothing: { value: sql`1`, kind: 'number', schema: z.number() },
    sure: { value: sql`1`, kind: 'number', nullable: false, schema: z.number() },
  })
  const id = '0199f3a2-7c10-7a44-9d55-0d1f3b6c2a11'
  const fits = (value: object): boolean => answer.safeParse({ id, ...value }).success
  t.ok(fits({}), 'what a principal may not see is absent')
  t.notOk(answer.safeParse({}).success, 'but for the id')
  t.notOk(fits({ id: null }))
  for (const name of ['text', 'name', 'email', 'phone']) t.ok(fits({ [name]: '•••' }), `${name} may be masked`)
  t.notOk(fits({ choice: '•••' }), 'what has no masked form is as it is')
  t.notOk(fits({ whole: 2 }))
  t.ok(fits({ text: null, whole: null, nothing: null }))
  t.notOk(fits({ name: null }), 'a column that is never null')
  t.notOk(fits({ sure: null }))
  t.ok(fits({ maskedFields: ['text'] }))
  t.notOk(fits({ maskedFields: 'text' }))
  t.match(answer.meta(), { id: 'OddThing', description: 'What is defined.' })
  const said = z.toJSONSchema(z.object(answer.shape))
  t.match(said.properties?.text, {
    anyOf: [{ type: 'string', description: 'A text.', example: 'a' }, { type: 'null' }],
  })
  t.same(said.properties?.name, { type: 'string' }, 'nothing is said where nothing was')
  t.match(said.properties?.maskedFields, { description: /\w+/, example: ['phone'] })
})

t.test('a body sets what may be set, when it may be set', async (t) => {
  const made = thing({
    id: { column: table.id, schema: z.uuid() },
    name: { column: table.name, write: 'always', required: true, schema: z.string() },
    text: { column: table.text, write: 'always', schema: z.string() },
    whole: { column: table.whole, write: 'create', schema: z.number() },
    words: { column: table.words, write: 'always', schema: z.array(z.string()) },
    ids: { column: table.ids, write: 'always', schema: z.array(z.string()) },
    maybeWords: { column: table.maybeWords, write: 'always', schema: z.array(z.string()) },
    rank: { column: table.version, write: 'always', unset: 0, schema: z.number() },
    version: { column: table.version, write: 'always', schema: z.number() },
  })
  const { createBody, patchBody } = made
  t.same(Object.keys(createBody.shape), ['name', 'text', 'whole', 'words', 'ids', 'maybeWords', 'rank', 'version'])
  t.same(Object.keys(patchBody.shape), ['name', 'text', 'words', 'ids', 'maybeWords', 'rank', 'version'])
  const creates = (body: object): boolean => createBody.safeParse(body).success
  const patches = (body: object): boolean => patchBody.safeParse(body).success
  t.ok(creates({ name: 'a' }))
  t.notOk(creates({}), 'what is required')
  t.notOk(creates({ name: null }))
  t.ok(creates({ name: 'a', text: null, maybeWords: null }))
  t.notOk(creates({ name: 'a', words: null }))
  t.notOk(creates({ name: 'a', id: '0199f3a2-7c10-7a44-9d55-0d1f3b6c2a11' }), 'what is never set')
  t.notOk(creates({ name: 'a', more: 1 }))
  t.ok(patches({}), 'a patch requires nothing')
  t.ok(patches({ name: 'b' }))
  t.notOk(patches({ name: null }), 'what has no empty form cannot be removed')
  t.notOk(patches({ version: null }))
  t.ok(patches({ text: null, words: null, ids: null, maybeWords: null, rank: null }), 'the others can')
  t.notOk(patches({ whole: 1 }), 'what is set at the start only')
  t.notOk(patches({ more: 1 }))
  t.same(createBody.meta(), { id: 'OddThingCreate', description: 'What a new odd thing is made of.' })
  t.same(patchBody.meta(), {
    id: 'OddThingPatch',
    description: 'A JSON merge patch (RFC 7396) of a odd thing: null removes a value.',
  })
})

t.test('a resource is what its noun says of it, and nothing more', async (t) => {
  const fields = {
    id: { column: table.id, schema: z.uuid() },
    whole: { column: table.whole, volatile: true, schema: z.number() },
  }
  t.match(thing(fields), {
    name: 'things',
    title: 'OddThing',
    description: 'What is defined.',
    unit: null,
    subject: null,
    state: null,
    within: null,
    rows: null,
    custom: null,
    sort: null,
    volatile: ['whole'],
  })
  t.same(thing(fields).volatile, ['whole'])
  const whole = thing(fields)
  const [subject, rows] = [sql`1`, () => null]
  const full = {
    unit: table.ids,
    subject,
    state: table.text,
    within: { model: whole, id: table.id },
    rows,
    sort: '-id',
  }
  const made = thing(fields, full)
  for (const [name, value] of Object.entries(full)) t.equal(Reflect.get(made, name), value, name)
  t.equal(made.table, table)
  t.equal(made.tenant, table.tenantId)
  t.equal(made.id, table.id)
  t.equal(made.definitions, fields)
})

t.test('what every noun has is described', async (t) => {
  const { trashedAt, ...rest } = table
  const [full, bare] = [commonFields({ ...rest, trashedAt }), commonFields(rest)]
  t.same(Object.keys(full), ['id', 'version', 'createdAt', 'updatedAt', 'trashedAt'])
  t.same(Object.keys(bare), ['id', 'version', 'createdAt', 'updatedAt'])
  for (const [name, { column, schema }] of Object.entries(full)) {
    t.equal(column, Reflect.get(table, name))
    const { description, example } = schema.meta() ?? {}
    t.match(description, /\w+/, name)
    t.ok(schema.safeParse(example).success, `an example of ${name}`)
  }
  t.equal(idOf('Whose.').meta()?.description, 'Whose.')
  const id = '0199f3a2-7c10-7a44-9d55-0d1f3b6c2a11'
  t.equal(idOf('Whose.').parse(id.toUpperCase()), id, 'in one form')
  t.ok(idOf('Whose.').safeParse(idOf('Whose.').meta()?.example).success)
})

t.test('a time is taken in UTC', async (t) => {
  const when = time('When.')
  t.equal(when.parse('2026-11-22T10:30:00+01:00'), '2026-11-22T09:30:00.000000Z')
  t.notOk(when.safeParse('2026-11-22T10:30:00').success, 'without its zone it could be any')
  t.equal(when.meta()?.description, 'When.')
})
