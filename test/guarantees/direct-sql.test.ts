import { randomUUID } from 'node:crypto'
import t from 'tap'
import { countOf, directSql, met } from './direct-sql-world.ts'
import { rowsOf } from './filled-tables.ts'

/** They look with the rights of whoever asks. */
const views = ['audit.readable_event']

t.test('whatever is set, no table shows a row outside the tenant and the units that are set', async (t) => {
  const { service, north, south, theirs, tables, app, set } = await directSql(t)
  t.ok(tables.length > 24 && tables.filter((table) => table.hasUnit).length > 8, `${tables.length} tables`)

  await t.test('and what the login may read at all is under that rule', async (t) => {
    const { rows } = await app.query<{ name: string; forced: boolean }>(
      `SELECT c.oid::regclass::text AS name, c.relrowsecurity AND c.relforcerowsecurity AND c.relkind IN ('r', 'p')
            OR c.relkind = 'v' AND 'security_invoker=true' = ANY (c.reloptions) AS forced
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_(toast|temp)' AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
          AND has_schema_privilege(n.oid, 'USAGE') AND has_any_column_privilege(c.oid, 'SELECT, INSERT, UPDATE, REFERENCES') ORDER BY 1`,
    )
    const all = [...tables.map((table) => table.name), ...views]
    t.same(rows.map((row) => row.name).sort(), all.sort())
    t.same(
      rows.filter((row) => !row.forced),
      [],
    )
  })

  for (const [what, tenant, units, all] of [
    ['nothing', '', '', ''],
    ['all units of nobody', '', '', 'on'],
    ['units of nobody', '', north.unitId, 'off'],
    ['a tenant that is none', randomUUID(), '', 'on'],
    ['no UUID', 'x', '', 'on'],
    ['null', 'null', '', 'on'],
    ['two tenants', `${north.tenantId},${theirs.tenantId}`, '', 'on'],
    ['more than a tenant', `${north.tenantId}' OR true --`, '', 'on'],
    ['any', '*', '*', 'on'],
  ] as const) {
    await set(tenant, units, all)
    for (const name of [...tables.map((table) => table.name), ...views]) {
      const seen = await met(app, `SELECT FROM ${name}`)
      t.ok(seen === 0 || seen === '22P02', `${name} with ${what}: ${seen}`)
    }
  }
  for (const [what, units, all, unitId] of [
    ['one unit', north.unitId, 'off', north.unitId],
    ['one unit in capitals', north.unitId.toUpperCase(), '', 'none'],
    ['a unit and one of another tenant', `${south.unitId},${theirs.unitId}`, '', south.unitId],
    ['no unit', '', 'off', 'none'],
    ['a unit of another tenant', theirs.unitId, '', 'none'],
    ['a unit that is none', 'x', '', 'none'],
    ['empty units', ',', '', 'none'],
    ['a unit in braces', `{${north.unitId}}`, '', 'none'],
    ['a unit in blanks', ` ${north.unitId} `, '', 'none'],
    ['a unit among what is none', `x,${north.unitId},*`, '', north.unitId],
    ['a part of a unit', north.unitId.slice(0, 30), '', 'none'],
    ['more than a unit', `${north.unitId}0`, '', 'none'],
    ['a unit without its hyphens', north.unitId.replaceAll('-', ''), '', 'none'],
    ['two units without a comma', `${north.unitId}${south.unitId}`, '', 'none'],
    ['a list in braces', `{${north.unitId},${south.unitId}}`, '', 'none'],
    ['any unit', '*', '', 'none'],
    ['null', 'null', '', 'none'],
    ...['off', 'false', '0', 'x', '*', '2', 'all', 'on,on', 'onn', 'ON', 'true', 'null'].map((all) => [
      `all units: "${all}"`,
      '',
      all,
      'none',
    ]),
    ['all units', '', 'on', null],
  ] as [string, string, string, string | null][])
    for (const table of tables) {
      await set(north.tenantId, units, all)
      const seen = await met(app, `SELECT FROM ${table.name}`)
      const there = unitId === 'none' && table.hasUnit ? 0 : await countOf(service, table, north.tenantId, unitId)
      t.ok(seen === there || (unitId === 'none' && seen === '22P02'), `${table.name}, ${what}: ${seen} of ${there}`)
      if (unitId !== 'none') t.ok(there > 0, `${table.name} has rows to see`)
    }
})

t.test('no row is moved, made or changed outside what is set', async (t) => {
  const { service, north, south, theirs, tables, app, set } = await directSql(t)
  await set(north.tenantId, north.unitId)
  const [before, besides] = [
    await rowsOf(service, tables, theirs.tenantId),
    await rowsOf(service, tables, north.tenantId),
  ]
  for (const table of tables) {
    const { name, hasUnit, columns } = table
    // What the server stamps in the audit, nobody may so much as name.
    const stamped = name === 'audit.event' ? ['sequence', 'occurred_at', 'epoch', 'transaction_id'] : []
    const kept = columns.filter((column) => !stamped.includes(column.name))
    const copy = (of: Record<string, string>, more = ''): string =>
      `INSERT INTO ${name} (${kept.map((one) => one.name)}) SELECT ${kept.map((one) => of[one.name] ?? one.name)} FROM ${name} LIMIT 1 ${more}`
    const fresh = { id: 'gen_random_uuid()', event_id: 'gen_random_uuid()' }
    // A table that is not changed at all refuses in the same words.
    t.equal(
      await met(app, `UPDATE ${name} SET tenant_id = '${theirs.tenantId}'`),
      '42501',
      `${name}: to another tenant`,
    )
    t.equal(
      await met(app, copy({ ...fresh, tenant_id: `'${theirs.tenantId}'` })),
      '42501',
      `${name}: into another tenant`,
    )
    for (const text of [`UPDATE ${name} SET tenant_id = tenant_id`, `DELETE FROM ${name}`, `SELECT FROM ${name}`]) {
      const others = `WHERE tenant_id = '${theirs.tenantId}' OR tenant_id <> '${north.tenantId}'`
      const found = await met(app, `${text} ${others}${text.startsWith('SELECT') ? ' FOR UPDATE' : ''}`)
      t.ok(found === 0 || found === '42501', `${name}: ${text} ${found}`)
    }
    t.equal(await met(app, `TRUNCATE ${name}`), '42501')
    t.equal(await met(app, `COPY ${name} (tenant_id) FROM STDIN`), '0A000', `${name}: COPY past the rules`)
    if (!hasUnit) continue
    const elsewhere = `business_unit_id = '${south.unitId}'`
    t.equal(await met(app, `UPDATE ${name} SET ${elsewhere}`), '42501', `${name}: to another unit`)
    t.equal(
      await met(app, `UPDATE ${name} SET business_unit_id = '${theirs.unitId}'`),
      '42501',
      `${name}: to their unit`,
    )
    t.equal(
      await met(app, copy({ ...fresh, business_unit_id: `'${south.unitId}'` })),
      '42501',
      `${name}: into another unit`,
    )
    t.ok([0, '42501'].includes(await met(app, `DELETE FROM ${name} WHERE ${elsewhere}`)), `${name}: gone elsewhere`)

    // A key that stands in another unit: what stands there is neither shown nor changed.
    if (!columns.some((column) => column.name === 'id')) continue
    const [hidden] = await service.sql<{ id: string }>(`SELECT id FROM ${name} WHERE ${elsewhere} LIMIT 1`)
    const same = { id: `'${hidden?.id}'::uuid` }
    const failed = await app.query(copy(same)).then(
      () => 'made',
      (error: unknown) => JSON.stringify(error),
    )
    t.match(failed, /"code":"(23505|42501)"/, `${name}: ${failed}`)
    t.notMatch(failed, /quokka-0-South/, `${name}: the error shows nothing of the row`)
    t.notOk(failed.includes('"detail"'), `${name}: and no value at all`)
    const over = await met(
      app,
      copy(same, `ON CONFLICT (tenant_id, id) DO UPDATE SET business_unit_id = EXCLUDED.business_unit_id`),
    )
    t.equal(over, '42501', `${name}: over it`)
  }
  t.same(await rowsOf(service, tables, theirs.tenantId), before)
  t.same(await rowsOf(service, tables, north.tenantId), besides)

  await t.test('nor does one point to another tenant', async (t) => {
    const [contact] = await service.sql<{ id: string }>('SELECT id FROM app.contact WHERE tenant_id = $1', [
      theirs.tenantId,
    ])
    const insert = `INSERT INTO app.identity (tenant_id, id, business_unit_id, contact_id, kind, value, match_value, source)
      VALUES ('${north.tenantId}', gen_random_uuid(), '${north.unitId}', '${contact?.id}', 'phone', 'x', 'x', 'x')`
    await t.rejects(app.query(insert), { code: '23503', detail: /^Key is not present in table "contact"\.$/ })
  })
})
