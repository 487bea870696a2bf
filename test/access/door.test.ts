import fc from 'fast-check'
import t from 'tap'
import { Ability } from '../../src/access/ability.ts'
import { fieldSql, filterable, rowsWhere, sight } from '../../src/access/door.ts'
import { type Grant, grantSchema } from '../../src/access/grant.ts'
import type { Principal } from '../../src/access/principal.ts'
import { sql } from '../../src/db/sql.ts'
import { namesIn, present, viewOf } from '../../src/db/view.ts'
import { sized } from '../harness/size.ts'
import { principalOf } from './principal.ts'
import { conditionOf, me, models, type ProbeRow, probe, probeTable, rowOf, tenantProbe } from './probe.ts'

const names = [...tenantProbe.fields.keys()].filter((name) => name !== 'own')

const principalWith = (ability: Ability): Principal => principalOf([], models, { ability })

const fieldList = fc.oneof(
  { weight: 6, arbitrary: fc.uniqueArray(fc.constantFrom(...names, 'own'), { maxLength: 6 }) },
  { weight: 1, arbitrary: fc.constant(['*']) },
)
const grantOf: fc.Arbitrary<Grant> = fc
  .record(
    {
      resource: fc.constantFrom('probes', 'probes', 'probes', 'others'),
      actions: fc.constantFrom(['read'], ['read'], ['update'], ['read', 'delete']),
      fields: fc.record({ read: fieldList, mask: fieldList }, { requiredKeys: [] }),
      // Few conditions that recur, so that grants of one role meet on the same rows.
      when: fc.oneof(
        { weight: 1, arbitrary: conditionOf },
        { weight: 2, arbitrary: fc.constantFrom({ eq: ['flag', true] }, { eq: ['choice', 'lead'] }) },
      ),
    },
    { requiredKeys: ['resource', 'actions'] },
  )
  // `startsWith` is for filters; grants do not know it.
  .filter((grant) => !JSON.stringify(grant).includes('startsWith'))
  .map((grant) => grantSchema.parse(grant))
// 100,000 policies on rows; FULL=1 tries a million.
const runs = sized(320, 3_200, 4)
const layerOf = fc.array(grantOf, { minLength: 1, maxLength: 4 })

t.test(
  'what SQL shows of a row is what the rules in memory allow, field by field',
  { timeout: 3_600_000 },
  async (t) => {
    const table = await probeTable(t)
    const uses = { clear: 0, masked: 0, hidden: 0, rows: 0 }
    let cases = 0
    const property = fc.asyncProperty(
      fc.array(rowOf, { minLength: 40, maxLength: 45, size: 'max' }),
      fc.array(fc.array(layerOf, { minLength: 1, maxLength: 2 }), { minLength: 8, maxLength: 8, size: 'max' }),
      async (rows, policies) => {
        const stored = await table.fill(rows)
        for (const grants of policies) {
          const layers = grants.map((all) => Ability.of(all, me, models))
          const [first, ...others] = layers
          if (!first) continue
          const principal = principalWith(others.reduce((all, one) => all.and(one), first))
          const where = rowsWhere(principal, probe, 'read')
          const view = viewOf(principal, probe)
          const found = where
            ? await table.query(sql`SELECT id AS "_id", ${view.columns} FROM probe WHERE ${where}`)
            : []
          const visible = new Map(found.map((row) => [row._id, row]))
          for (const row of stored) {
            cases++
            const fail = (what: string): never => {
              throw new Error(`${what} of ${JSON.stringify(row)} under ${JSON.stringify(grants)}`)
            }
            const shown = visible.get(row.id)
            const readable = layers.every((layer) => layer.can('read', probe, row))
            if (readable !== (shown !== undefined)) fail(`SQL ${shown ? 'shows' : 'hides'} the row`)
            if (!shown) continue
            uses.rows++
            const record = present(probe, view, shown)
            for (const name of names) {
              const clear = name === 'id' || layers.every((layer) => layer.can('read', probe, row, name))
              const masked =
                !clear &&
                layers.every((layer) => layer.can('read', probe, row, name) || layer.can('mask', probe, row, name))
              const asked = clear ? 'clear' : masked ? 'masked' : 'hidden'
              uses[asked]++
              const how = howShown(record, shown, view, name, row)
              if (asked !== how) fail(`${name} is ${how}, not ${asked},`)
              if (clear && !same(valueAt(record, name), valueAt(row, name)))
                fail(`${name} is shown as ${JSON.stringify(valueAt(record, name))}`)
            }
          }
        }
      },
    )
    await fc.assert(property, { numRuns: runs, includeErrorInReport: true })
    t.ok(cases >= runs * 320, `${cases} policies on rows`)
    for (const [use, n] of Object.entries(uses)) t.ok(n > sized(100), `${n} ${use}`)
  },
)

/** How an answer shows a field, held against what the audit is told. */
function howShown(
  record: ProbeRow,
  row: ProbeRow,
  view: ReturnType<typeof viewOf>,
  name: string,
  clear: ProbeRow,
): string {
  const said = namesIn(view, row)
  const [shown, masked] = [said.shown.includes(name), said.masked.includes(name)]
  const named = Array.isArray(record.maskedFields) && record.maskedFields.includes(name)
  if (shown && masked) return 'both'
  if (named !== masked) return 'masked without a word'
  // Null would be a value: what has no masked form is left out, and named all the same.
  const veiled = masked && tenantProbe.fields.get(name)?.mask === 'hidden'
  // A tenant's own field without a value has no member in the object.
  const isEmpty = name.startsWith('own.') && valueAt(clear, name) === undefined
  const isThere = name.startsWith('own.') ? valueAt(record, name) !== undefined : name in record
  if (isThere !== (!isEmpty && (shown || (masked && !veiled)))) return 'told otherwise to the audit'
  return shown ? 'clear' : masked ? 'masked' : 'hidden'
}

/** What a record holds under a field's full name. */
function valueAt(record: ProbeRow, name: string): unknown {
  if (!name.startsWith('own.')) return record[name]
  const { own } = record
  return typeof own === 'object' && own !== null ? Reflect.get(own, name.slice(4)) : undefined
}

/** pg gives some kinds as text that JSON gives as values. */
function same(shown: unknown, clear: unknown): boolean {
  if (typeof clear === 'number') return Number(shown) === clear
  if (shown instanceof Date) return Math.abs(shown.getTime() - Date.parse(String(clear))) < 86_400_000
  return JSON.stringify(shown) === JSON.stringify(clear)
}

t.test('a filter, a sort, a search sees the clear value or none', async (t) => {
  const table = await probeTable(t)
  const [open, shut] = await table
    .fill([
      { phone: '+4917012345678', flag: true, words: [], ids: [] },
      { phone: '+4917099999999', flag: false, words: [], ids: [] },
    ])
    .then((rows) => rows.sort((a, b) => Number(b.flag) - Number(a.flag)))
  const grants: Grant[] = [
    { resource: 'probes', actions: ['read'], fields: { read: ['flag'], mask: ['phone', 'email'] } },
    { resource: 'probes', actions: ['read'], fields: { read: ['phone'] }, when: { eq: ['flag', true] } },
  ]
  const principal = principalWith(Ability.of(grants, me, models))
  for (const use of ['filter', 'sort', 'group', 'search', 'cursor'] as const) {
    const seen = sight(principal, probe, 'phone')
    const value = seen && fieldSql(seen, use)
    t.ok(value)
    const rows = await table.query(sql`SELECT id, ${value} AS value FROM probe`)
    t.same(
      new Map(rows.map((row) => [row.id, row.value])),
      new Map([
        [open?.id, '+4917012345678'],
        [shut?.id, null],
      ]),
      use,
    )
    const masked = sight(principal, probe, 'email')
    t.equal(masked && fieldSql(masked, use), null, `a masked field gives nothing to ${use}`)
    const hidden = sight(principal, probe, 'text')
    t.equal(hidden, null)
  }
  const { usable } = filterable(principal, probe)
  const allowed = (name: string, ...ops: string[]): string[] => {
    const field = probe.fields.get(name)
    return field ? ops.filter((op) => usable(field, op)) : []
  }
  const all = ['eq', 'ne', 'in', 'lt', 'gte', 'startsWith', 'exists']
  t.same(allowed('email', ...all), ['eq'], 'masked: one full value')
  t.same(allowed('text', ...all), [], 'hidden: nothing')
  t.same(allowed('phone', ...all), all, 'clear for some rows: everything, about those')
  t.same(allowed('json', 'exists'), [], 'not to be filtered by')
})

t.test('a mask keeps the shape of a value and little else', async (t) => {
  const table = await probeTable(t)
  const masked = async (kind: string, type: string, value: unknown): Promise<unknown> => {
    const [row] = await table.query(
      sql`SELECT to_jsonb(${sql.raw(`app.mask_${kind}`)}(${sql.param(value)}::${sql.raw(type)})) AS value`,
    )
    return row?.value
  }
  for (const [value, wanted] of [
    ['+4917012345678', '+49•••••••••78'],
    ['+49170', '••••••'],
    ['+491701', '•••••••'],
    ['', ''],
  ])
    t.equal(await masked('phone', 'text', value), wanted)
  for (const [value, wanted] of [
    ['anna@example.com', 'a•••@example.com'],
    ['a@b.co', 'a•••@b.co'],
    ['"a@b"@c.de', '"•••@c.de'],
    ['🙂@x.de', '🙂•••@x.de'],
    ['anna', 'a•••'],
    ['', '•••'],
  ])
    t.equal(await masked('email', 'text', value), wanted)
  for (const [value, wanted] of [
    ['Anna Müller', 'A••• M•••'],
    ['Anna  Maria\tMüller', 'A•••  M•••\tM•••'],
    ['X', 'X•••'],
    ['王小明', '王•••'],
    ['', ''],
  ])
    t.equal(await masked('name', 'text', value), wanted)
  t.equal(await masked('text', 'text', 'anything'), '•••')
  t.equal(await masked('text', 'text', ''), '•••', 'that a text is empty is not told')
  t.equal(await masked('date', 'date', '1988-04-17'), '1988-01-01')
  for (const [value, wanted] of [
    [4711, 4000],
    [70, 70],
    [99, 90],
    [-4711, -4000],
    [9, 0],
    [-3, 0],
    [0, 0],
    [0.75, 0],
    [1e15, 1e15],
  ])
    t.equal(await masked('number', 'numeric', value), wanted, `${value}`)
  const kinds = { phone: 'text', email: 'text', name: 'text', text: 'text', date: 'date', number: 'numeric' }
  for (const [kind, type] of [...Object.entries(kinds), ['number', 'double precision'] as const]) {
    t.equal(await masked(kind, type, null), null, `no ${kind} has no mask`)
    const plan = sql`SELECT ${sql.raw(`app.mask_${kind}(v::${type})`)} FROM (VALUES (NULL), (NULL)) AS x(v)`
    const lines = await table.query(sql`EXPLAIN (VERBOSE) ${plan}`)
    t.notMatch(JSON.stringify(lines), /mask_/, `${kind} is masked within the statement, without a call for each row`)
  }
})

t.test('an address is masked as what it is', async (t) => {
  const table = await probeTable(t)
  for (const [kind, value, wanted] of [
    ['email', 'anna@example.com', 'a•••@example.com'],
    ['line', 'anna@example.com', 'a•••@example.com'],
    ['phone', '+4917012345678', '+49•••••••••78'],
    ['whatsapp', '+4917012345678', '+49•••••••••78'],
    ['telegram', '4917012345678', '4••••••••••78'],
    ['telegram', '4917', '••••'],
    ['email', null, null],
    [null, '4917012345678', null],
  ])
    t.same(await table.query(sql`SELECT app.mask_address(${kind}::text, ${value}::text) AS value`), [{ value: wanted }])
})
