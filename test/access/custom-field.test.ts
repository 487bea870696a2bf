import { pgTable } from 'drizzle-orm/pg-core'
import { text } from 'drizzle-orm/pg-core/columns/text'
import t from 'tap'
import { columnOf, customFields, tenantModels } from '../../src/access/custom-field.ts'
import type { CustomFieldDefinition, Field } from '../../src/access/model.ts'
import { compile, sql } from '../../src/db/sql.ts'
import { models, probe, probeTable, tenantProbe } from './probe.ts'
import { definitions, probeColumns } from './probe-custom.ts'

const indexedValues = pgTable('probe_value', { ...probeColumns, textStart: text('text_start') })

const made = (more: Partial<CustomFieldDefinition>): Field | undefined =>
  probe.custom?.field({
    id: '00000000-0000-7000-8000-0000000000ff',
    resource: 'probes',
    key: 'some',
    type: 'text',
    format: null,
    classification: 'personal',
    currency: null,
    ...more,
  })

t.test('a field is what its definition says', async (t) => {
  for (const [type, kind, mask, sortable] of [
    ['text', 'text', 'text', true],
    ['number', 'number', 'number', true],
    ['money', 'number', 'number', true],
    ['date', 'date', 'date', true],
    ['boolean', 'boolean', 'hidden', false],
    ['choice', 'choice', 'hidden', true],
    ['multiChoice', 'textList', 'hidden', false],
    ['reference', 'uuid', 'hidden', false],
  ] as const) {
    const field = made({ type })
    t.match(field, { name: 'own.some', kind, mask, sortable, filterable: true }, type)
    t.match(field, { column: null, veil: null, detected: null, search: null }, type)
    t.match(field?.stored, { group: 'own', key: 'some', id: '00000000-0000-7000-8000-0000000000ff' })
    const order = { number: 'numeric', money: 'numeric', date: 'date' }[type as string] ?? null
    t.equal(field?.stored?.order?.type ?? null, order, `an index has the order of ${type}`)
    const { rows, record } = field?.stored?.order ?? {}
    if (rows && record)
      t.same([compile(rows).text, compile(record).text], ['"probe_value"', '"probe_value"."probe_id"'])
    t.equal(field?.exact !== null, type === 'text' || type === 'choice', `${type} is compared`)
    t.equal(field?.schema.safeParse({ a: 1 }).success, true)
  }
  t.equal(made({})?.exact?.normal(' A'), ' A', 'a text is compared as it is')
})

t.test('a value stands in the column of its type', (t) => {
  for (const [type, column] of [
    ['text', 'textValue'],
    ['number', 'numberValue'],
    ['money', 'numberValue'],
    ['date', 'dateValue'],
    ['boolean', 'booleanValue'],
    ['choice', 'textValue'],
    ['multiChoice', 'listValue'],
    ['reference', 'uuidValue'],
  ] as const)
    t.equal(columnOf(indexedValues, type), indexedValues[column], type)
  t.end()
})

t.test('a text is masked as it is written', async (t) => {
  for (const format of ['email', 'phone', 'name'] as const) t.equal(made({ format })?.mask, format)
  t.equal(made({ format: 'plain' })?.mask, 'text')
  t.equal(made({ format: null })?.mask, 'text')
})

t.test('the name of the group means what is classified as general, and nothing else', async (t) => {
  for (const classification of ['unclassified', 'general', 'personal', 'sensitive'] as const)
    t.equal(made({ classification })?.stored?.isOpen, classification === 'general', classification)
})

t.test('of money the amount is compared, of all else the value', async (t) => {
  const [money, number] = [made({ type: 'money', currency: 'EUR' })?.stored, made({ type: 'number' })?.stored]
  t.equal(money?.scalar({ amount: 5, currency: 'EUR' }), 5)
  t.equal(money?.scalar(null), null)
  t.same(money?.scalar({ sum: 5 }), { sum: 5 })
  t.equal(money?.scalar(7), 7)
  t.equal(number?.scalar(5), 5)
  t.same(number?.scalar({ amount: 5 }), { amount: 5 })
})

t.test('a record answers with one object of the values that it has', async (t) => {
  const table = await probeTable(t)
  const own = { text: "it's", number: 7, money: { amount: 12, currency: 'EUR' }, flag: false, words: ['b', 'a'] }
  await table.fill([{ words: [], ids: [], own }])
  const stored = [...tenantProbe.fields.values()].flatMap((field) => field.stored ?? [])
  const read = async (
    members: { stored: (typeof stored)[number]; shown: ReturnType<typeof sql> }[],
  ): Promise<unknown> => {
    const [row] = await table.query(sql`SELECT ${probe.custom?.object(members) ?? sql`1`} AS value FROM probe`)
    return row?.value
  }
  t.same(await read(stored.map((one) => ({ stored: one, shown: one.value }))), own)
  t.same(await read([]), {}, 'nothing is shown where nothing may be')
  const [first] = stored
  if (first)
    t.same(await read([{ stored: first, shown: first.value }]), { text: own.text }, 'no more than is asked for')
  t.same(await read(stored.map((one) => ({ stored: one, shown: sql`CASE WHEN false THEN ${one.value} END` }))), {})
  const fresh = definitions.map((one) => ({ ...one, id: one.id.replace('-8', '-9') }))
  const others = fresh.flatMap((one) => probe.custom?.field(one).stored ?? [])
  t.same(
    await read(others.map((one) => ({ stored: one, shown: one.value }))),
    {},
    'a new field of an old name is empty',
  )
})

t.test('long texts are found by their beginnings, and told apart by their ends', async (t) => {
  const table = await probeTable(t)
  const long = 'a'.repeat(150)
  await table.fill([{ words: [], ids: [], own: { text: long } }])
  // As the service keeps them: beside the value, the beginning that an index holds.
  await table.query(sql`ALTER TABLE probe_value ADD text_start text GENERATED ALWAYS AS (left(text_value, 100)) STORED`)
  const indexed = customFields('own', indexedValues, {
    tenant: probe.tenant,
    id: probe.id,
    record: indexedValues.probeId,
  })
  const [definition] = definitions
  for (const { exact, stored } of [tenantProbe.fields.get('own.text'), definition && indexed.field(definition)].flatMap(
    (field) => field ?? [],
  ))
    for (const [other, isSame] of [
      [long, true],
      [`${long}b`, false],
      [long.slice(1), false],
      [`${long.slice(1)}b`, false],
      [`b${long.slice(1)}`, false],
    ] as const) {
      const compared = stored && exact && stored.some(exact.sql(stored.value, other))
      const [row] = await table.query(sql`SELECT ${compared ?? sql`1`} AS same FROM probe`)
      t.equal(row?.same, isSame, compared && /text_start/.test(compile(compared).text) ? 'by its beginning' : 'whole')
    }
})

t.test('a tenant has the fields that it has defined, and all others have not', async (t) => {
  t.equal(models.get('probes'), tenantProbe)
  t.ok(tenantProbe.fields.has('own.text'))
  t.notOk(probe.fields.has('own.text'), 'the model of every tenant is left as it is')
  t.same([...tenantProbe.fields.keys()].slice(0, probe.fields.size), [...probe.fields.keys()])
  const all = new Map([[probe.name, probe]])
  t.equal(tenantModels(all, []), all)
  const [definition] = definitions
  if (!definition) return
  const elsewhere = tenantModels(all, [{ ...definition, resource: 'gone' }])
  t.same([...elsewhere.keys()], ['probes'], 'of a resource that is gone')
  t.equal(elsewhere.get('probes'), probe)
  const plain = new Map([[probe.name, { ...probe, custom: null }]])
  t.equal(tenantModels(plain, [definition]).get('probes'), plain.get('probes'), 'of one that has none')
  t.notOk(tenantModels(all, [definition]) === all)
})

t.test('values belong to their record and their tenant', async (t) => {
  const table = await probeTable(t)
  await table.fill([{ words: [], ids: [], own: { text: 'mine' } }])
  const mine = tenantProbe.fields.get('own.text')
  const asked = sql`SELECT ${mine?.value ?? sql`1`} AS value, ${mine?.stored?.some(sql`true`) ?? sql`1`} AS is_there FROM probe`
  t.same(await table.query(asked), [{ value: 'mine', is_there: true }])
  await table.query(sql`UPDATE probe SET id = gen_random_uuid()`)
  t.same(await table.query(asked), [{ value: null, is_there: false }], 'of another record')
  await table.query(sql`UPDATE probe SET id = (SELECT probe_id FROM probe_value), tenant_id = gen_random_uuid()`)
  t.same(await table.query(asked), [{ value: null, is_there: false }], 'of another tenant')
})
