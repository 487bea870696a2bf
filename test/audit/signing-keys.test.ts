import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { openNote, signNote } from '../../src/audit/note.ts'
import { seal } from '../../src/audit/seal.ts'
import { signerOf, verifierKey } from '../../src/audit/signing-keys.ts'
import { verifyTenant } from '../../src/audit/verify.ts'
import type { Fault } from '../../src/audit/verify-report.ts'
import { sealAll } from '../harness/seal.ts'
import { smallLog } from './small-log.ts'

t.test('a new key is endorsed by the old one, which signs nothing any more', async (t) => {
  const { service, tenant, store, folder } = await smallLog(t, 2)
  const { request, sql, db } = service
  const verify = async (): Promise<Fault[]> => {
    const faults: Fault[] = []
    const run = { tenantId: tenant.tenantId, store, fault: (one: Fault) => void faults.push(one) }
    await verifyTenant({ ...run, run: (work) => db.sealed(tenant, work) })
    return faults
  }
  const [before] = (await request('GET', '/v1/audit/keys')).body.data as { vkey: string }[]
  const answer = await request('POST', '/v1/audit/keys', { headers: { 'idempotency-key': 'once' } })
  t.equal(answer.status, 201, service.logs.filter((line) => line.includes('error')).join())
  t.match(answer.body, { generation: 2, endorsement: /signing key 2\n/ })
  const again = await request('POST', '/v1/audit/keys', { headers: { 'idempotency-key': 'once' } })
  t.match(again, { status: 201, headers: { 'idempotent-replayed': 'true' } })
  t.same(again.body, answer.body)
  const keys = (await request('GET', '/v1/audit/keys')).body.data as { vkey: string }[]
  t.match(keys, [{ vkey: before?.vkey }, answer.body])
  t.same(await sql('SELECT generation FROM app.signing_secret'), [{ generation: 2 }], 'the old private part is gone')
  const events = (await request('GET', '/v1/audit-events?action=administer&resource=audit-events')).body.data
  t.match(
    events,
    [
      { actor: { kind: 'member' }, outcome: 'allowed', touched: [{ changed: ['signingKey'] }] },
      { actor: { kind: 'system' } },
    ],
    'both makings of a key are on record',
  )

  t.ok((await seal(db, store, tenant)).events > 0)
  const checkpoints = await sql('SELECT key_generation FROM audit.checkpoint ORDER BY size')
  const generations = checkpoints.map((row) => row.key_generation)
  // How many of the old key there are depends on the transactions of others, for which sealing waits.
  t.same([...new Set(generations)], [1, 2])
  t.same(generations, generations.toSorted(), 'never the old one after the new one')
  t.equal(generations.filter((generation) => generation === 2).length, 1)
  const outside = readFileSync(join(folder, `${tenant.tenantId}.keys`), 'utf8')
  t.ok(outside.includes('signing key 1\n') && outside.includes('signing key 2\n'))
  t.same(await verify(), [])

  const agent = await service.member('manager')
  t.equal((await request('POST', '/v1/audit/keys', { token: agent.token })).status, 403)
})

t.test('nothing is signed over a tree, a checkpoint or a key that is not what it was', async (t) => {
  const { service, tenant, store } = await smallLog(t, 2)
  const { db, sql, request } = service
  const spoiled: [string, string, string][] = [
    [
      'tree_changed',
      `UPDATE audit.leaf SET leaf_hash = set_byte(leaf_hash, 0, 1 # get_byte(leaf_hash, 0)) WHERE leaf_index = 3`,
      'a leaf',
    ],
    ['tree_changed', `UPDATE audit.checkpoint SET watermark = '99999999'`, 'the place up to which events are covered'],
    [
      'tree_changed',
      `DELETE FROM audit.checkpoint WHERE size = (SELECT max(size) FROM audit.checkpoint)`,
      'a checkpoint',
    ],
    ['tree_changed', `UPDATE audit.signing_key SET public_key = sha256(public_key)`, 'a key'],
    [
      'signing_key_unusable',
      `UPDATE app.signing_secret SET sealed_private_key = set_byte(sealed_private_key, 40, 7)`,
      'a private key',
    ],
    [
      'shape_changed',
      `ALTER TABLE audit.shape DROP CONSTRAINT shape_is_its_id;
       UPDATE audit.shape SET shape = shape || '[{"resource":"x","shown":[],"masked":[]}]'`,
      'a shape',
    ],
    [
      'sealed_events_lost',
      `WITH gone AS (DELETE FROM audit.checkpoint WHERE size > (SELECT min(size) FROM audit.checkpoint))
       DELETE FROM audit.leaf WHERE leaf_index >= (SELECT min(size) FROM audit.checkpoint)`,
      'an old copy',
    ],
  ]
  for (const [code, statement, what] of spoiled) {
    await request('GET', '/v1/contacts')
    const tables = ['leaf', 'checkpoint', 'signing_key', 'shape'].map((name) => `audit.${name}`)
    for (const table of [...tables, 'app.signing_secret'])
      await sql(`CREATE TABLE public.kept_${table.replace('.', '_')} AS SELECT * FROM ${table}`)
    await sql(`BEGIN; SET LOCAL session_replication_role = replica; ${statement}; COMMIT`)
    const before = await sql('SELECT count(*)::int AS n FROM audit.checkpoint')
    // A gap between what is outside and inside is noticed first where a checkpoint is gone.
    const expected = what === 'a checkpoint' ? 'sealed_events_lost' : code
    await t.rejects(seal(db, store, tenant), { name: 'SealingFault', code: expected }, what)
    t.same(await sql('SELECT count(*)::int AS n FROM audit.checkpoint'), before)
    const restore = [...tables, 'app.signing_secret'].map((table) => {
      const kept = `public.kept_${table.replace('.', '_')}`
      return `DELETE FROM ${table}; INSERT INTO ${table} SELECT * FROM ${kept}; DROP TABLE ${kept};`
    })
    await sql(`BEGIN; SET LOCAL session_replication_role = replica; ${restore.join(' ')} COMMIT`)
  }
  t.match(await seal(db, store, tenant), { isDone: true, isMore: false }, 'and goes on when all is as it was')
})

t.test('nothing is signed over what a retired key has signed after it was retired', async (t) => {
  const { service, tenant, store } = await smallLog(t, 1)
  const { db, sql, request } = service
  const [first] = await sql<{ sealed_private_key: Buffer }>('SELECT sealed_private_key FROM app.signing_secret')
  t.equal((await request('POST', '/v1/audit/keys')).status, 201)
  // What the last checkpoint of the old key covers, the new key takes over.
  await sealAll(service, store)
  const { keys, last } = await db.sealed(tenant, async (tables) => ({
    keys: await tables.keys(),
    last: await tables.newestCheckpoint(),
  }))
  const [old] = keys
  if (!old || !first || last?.keyGeneration !== 2) throw new Error('there is no retired key')
  const secret = { generation: 1, sealed: first.sealed_private_key }
  const stolen = signerOf(await db.tenantKeys(tenant), old, secret)
  const note = signNote(
    openNote(
      last.note,
      keys.map((key) => verifierKey(tenant.tenantId, key.publicKey)),
    )?.text ?? '',
    stolen,
  )
  const put = (text: string, generation: number) =>
    sql(`BEGIN; SET LOCAL session_replication_role = replica;
      UPDATE audit.checkpoint SET note = convert_from('\\x${Buffer.from(text).toString('hex')}', 'UTF8'), key_generation = ${generation}
       WHERE size = ${last.size}; COMMIT`)
  await request('GET', '/v1/contacts')
  for (const generation of [1, 2]) {
    await put(note, generation)
    await t.rejects(seal(db, store, tenant), { name: 'SealingFault', code: 'tree_changed', message: /retired/ })
  }
  await put(last.note, 2)
  t.ok((await seal(db, store, tenant)).isDone, 'and goes on when it is as it was')
})
