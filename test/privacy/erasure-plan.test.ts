import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { getTableConfig } from 'drizzle-orm/pg-core'
import t from 'tap'
import { declarations } from '../../src/db/tables/declare.ts'
import { blanks, erasurePlan, isPersonal, type Step } from '../../src/privacy/erasure-plan.ts'
import { contacts } from '../../src/resources/contacts/schema.ts'
import { fillTables } from '../guarantees/filled-tables.ts'
import { startTestService } from '../harness/service.ts'

const folder = join(import.meta.dirname, '../../src/db/tables')
for (const file of readdirSync(folder)) await import(join(folder, file))

const nameOf = ({ table }: Step): string => getTableConfig(table).name
const steps = new Map(erasurePlan.map((step) => [nameOf(step), step]))
const columnName = ({ table }: Step, key: string): string =>
  getTableConfig(table).columns.find((column) => column === Reflect.get(table, key))?.name ?? ''

t.test('every table that leads to a contact has its place in the plan', async (t) => {
  const leading = [...declarations].filter(([, { subject }]) => subject !== null).map(([name]) => name)
  t.ok(leading.length > 10)
  t.same([...steps.keys()].sort(), leading.sort())
})

t.test('every column that holds something of the person goes, or says why it stays', async (t) => {
  for (const [name, step] of steps) {
    const columns = Object.entries(declarations.get(name)?.columns ?? {})
    const personal = columns.filter(([, one]) => isPersonal(one)).map(([key]) => key)
    const kept = Object.entries(step.keeps ?? {})
    t.same(
      kept.filter(([key, why]) => !personal.includes(key) || why.length < 10),
      [],
      `${name} keeps what it says`,
    )
    if (step.how === 'delete') continue
    const gone = step.how === 'blank' ? blanks(step).map(([column]) => column) : []
    t.same(
      personal.filter((key) => !(key in (step.keeps ?? {})) && !gone.includes(columnName(step, key))),
      [],
      `${name} leaves nothing`,
    )
  }
})

t.test('a tombstone keeps the fields that hold nothing of the person, and those only', async (t) => {
  const columns = declarations.get('contact')?.columns ?? {}
  const step = steps.get('contact')
  const gone = step ? blanks(step).map(([column]) => column) : []
  t.ok(gone.length > 20)
  for (const [name, { column }] of Object.entries(contacts.definitions)) {
    const key = Object.keys(columns).find((one) => column && step && columnName(step, one) === column.name)
    const declared = key === undefined ? undefined : columns[key]
    if (declared && ['businessUnitId', 'ownerId', 'teamId'].includes(name)) t.notOk(isPersonal(declared), name)
  }
})

t.test('the database’s own references are all in the plan', async (t) => {
  const { sql } = await startTestService(t)
  const references = await sql<{ from: string; column: string; to: string }>(
    `SELECT c.relname AS from, (SELECT attname FROM pg_attribute WHERE attrelid = k.conrelid AND attnum = k.conkey[2]) AS column, r.relname AS to
       FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_class r ON r.oid = k.confrelid JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE k.contype = 'f' AND n.nspname = 'app'`,
  )
  const gone = [...steps].filter(([, { how }]) => how === 'delete').map(([name]) => name)
  const order = [...steps.keys()]
  for (const { from, column, to } of references) {
    if (to === 'contact') t.ok(steps.has(from), `${from}.${column} leads to a contact`)
    if (!gone.includes(to) || from === to) continue
    t.ok(gone.includes(from), `${from}.${column} refers to rows that go`)
    t.ok(order.indexOf(from) < order.indexOf(to), `${from} goes before ${to}`)
  }

  const followers = references.filter(({ from, to }) => to === 'contact' && from !== 'erasure').map(({ from }) => from)
  const guarded = await sql<{ name: string }>(
    `SELECT tgrelid::regclass::text AS name FROM pg_trigger WHERE tgfoid = 'app.refuse_erased'::regproc AND tgenabled = 'O' ORDER BY 1`,
  )
  t.same(
    guarded.map(({ name }) => name),
    [...new Set(followers)].sort().map((name) => `app.${name}`),
    'nothing is added to a tombstone, in no table that could',
  )
  const slow = await sql(
    `SELECT k.conname FROM pg_constraint k JOIN pg_class r ON r.oid = k.confrelid WHERE k.contype = 'f' AND r.relname = ANY ($1)
       AND NOT EXISTS (SELECT FROM pg_index x WHERE x.indrelid = k.conrelid AND k.conkey[2] = ANY (x.indkey[0:1]))`,
    [gone],
  )
  t.same(
    slow.filter(({ conname }) => conname !== 'contact_custom_value_tenant_id_contact_id_fkey'),
    [],
    'rows that refer to what goes are found by an index',
  )
})

t.test('whatever stands in the tables of an erased contact is gone', async (t) => {
  const service = await startTestService(t)
  const { sql, tenantId } = service
  const [unit] = await sql<{ id: string }>('SELECT id FROM app.business_unit')
  const mark = 'CanaryOfThePlan'
  const tables = await fillTables(service, [{ tenantId, unitId: String(unit?.id), mark }])
  const [contact] = await sql<{ id: string }>('SELECT id FROM app.contact WHERE display_name LIKE $1', [`${mark}%`])
  const id = String(contact?.id)
  const past = (text: string) =>
    sql(`SET session_replication_role = replica; ${text}; SET session_replication_role = DEFAULT`)
  const planned = tables.filter(({ name }) => steps.has(name.replace('app.', '')))
  t.equal(planned.length, steps.size)
  // What leads to a contact through other rows holds nothing of theirs; it goes with those.
  const isBelow = ({ name }: { name: string }) => declarations.get(name.replace('app.', ''))?.through !== null
  const filled = planned.filter((one) => !isBelow(one))
  for (const { name, columns } of filled) {
    const step = steps.get(name.replace('app.', ''))
    if (!step || name === 'app.erasure') continue
    const subject = name === 'app.contact' ? null : 'contact_id'
    // One row each: two of one contact could be one too many.
    if (subject) await past(`UPDATE ${name} SET ${subject} = '${id}' WHERE ctid = (SELECT min(ctid) FROM ${name})`)
    for (const key of Object.keys(step.keeps ?? {})) {
      const column = columnName(step, key)
      const type = columns.find((one) => one.name === column)?.type
      if (type === 'text') await past(`UPDATE ${name} SET ${column} = 'kept'`)
      if (type === 'bytea') await past(`UPDATE ${name} SET ${column} = sha256(${column})`)
    }
  }
  await past(
    `UPDATE app.contact SET tags = '{${mark}}', external_ids = '[{"system":"crm","id":"${mark}"}]', merged_into_id = NULL, lifecycle_stage = '${mark}' WHERE id = '${id}'`,
  )
  await past('DELETE FROM app.erasure')
  await past(
    `UPDATE app.conversation_read SET conversation_id = (SELECT id FROM app.conversation WHERE contact_id = '${id}') WHERE ctid = (SELECT min(ctid) FROM app.conversation_read)`,
  )
  const mine = async (name: string) =>
    sql<{ row: string }>(
      `SELECT each::text AS row FROM ${name} AS each WHERE ${name === 'app.contact' ? 'id' : 'contact_id'} = $1`,
      [id],
    )
  const isMarked = (rows: { row: string }[]) =>
    rows.some(({ row }) => row.includes(mark) || row.includes(Buffer.from(mark).toString('hex')))
  for (const { name } of filled) {
    // Ids alone, of a merge that somebody has said no to.
    if (['app.erasure', 'app.consent_event', 'app.merge_dismissal', 'app.merge_hint'].includes(name)) continue
    t.ok(isMarked(await mine(name)), `${name} holds something`)
  }
  const answer = await service.request('POST', `/v1/contacts/${id}/erase`, { body: { reason: 'a test' } })
  t.equal(answer.status, 200, answer.text)
  for (const { name } of filled) t.notOk(isMarked(await mine(name)), `${name} holds nothing any more`)
  t.equal((await sql('SELECT FROM app.conversation_read')).length, 1, 'who had read what of it is gone too')
  const events = await sql<{ row: string }>(
    // The account is the tenant's own.
    `SELECT (to_jsonb(each) - 'account')::text AS row FROM app.inbound_event AS each WHERE reason = 'erased'`,
  )
  t.equal(events.length, 1)
  t.notOk(isMarked(events), 'nor does the event that leads to them no more')
})
