import { randomBytes } from 'node:crypto'
import pg from 'pg'
import t from 'tap'
import { migrate } from '../../src/db/migrate.ts'
import { Keyring } from '../../src/privacy/keyring.ts'
import { freshDatabase, migrations, silent } from '../harness/database.ts'
import { startTestService, type TestService } from '../harness/service.ts'

const start = (service: TestService): Promise<string> =>
  migrate({ ownerUrl: service.ownerUrl, appUrl: null, keyring: service.db.keyring, folder: migrations, log: silent })

const epochs = async (service: TestService): Promise<unknown[]> => {
  await service.request('GET', '/v1/contacts')
  const rows = await service.sql<{ epoch: number }>('SELECT DISTINCT epoch FROM audit.event ORDER BY epoch')
  return rows.map((row) => row.epoch)
}

t.test('a new epoch begins in another cluster, and only there', async (t) => {
  const service = await startTestService(t)
  await start(service)
  t.same(await epochs(service), [1])
  // What a restored dump brings along.
  await service.sql(`UPDATE directory.installation SET system_id = '7123456789012345678/5'`)
  await start(service)
  t.same(await epochs(service), [1, 2])
  await start(service)
  t.same(await epochs(service), [1, 2])
  t.same(await service.sql('SELECT directory.epoch()'), [{ epoch: 2 }], 'which the sealer is told')
})

t.test('where the cluster may not say who it is, a transaction that has not begun tells', async (t) => {
  const { url, name } = await freshDatabase(t)
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  t.teardown(async () => {
    await client.query(`REASSIGN OWNED BY ${name}_owner TO CURRENT_USER; DROP OWNED BY ${name}_owner`)
    await client.end()
  })
  await client.query(`CREATE ROLE ${name}_owner LOGIN CREATEROLE PASSWORD 'x'`)
  await client.query(`ALTER DATABASE ${name} OWNER TO ${name}_owner`)
  // Functions of the catalogue belong to each database for itself.
  await client.query('REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC')
  const owner = new URL(url)
  owner.username = `${name}_owner`
  owner.password = 'x'
  const keyring = new Keyring(randomBytes(32))
  const epoch = async (): Promise<unknown> => {
    await migrate({ ownerUrl: owner.href, appUrl: null, keyring, folder: migrations, log: silent })
    return (await client.query<{ epoch: number }>('SELECT epoch FROM directory.installation')).rows[0]?.epoch
  }
  t.equal(await epoch(), 1)
  t.equal(await epoch(), 1)
  await client.query('BEGIN; SET LOCAL session_replication_role = replica')
  await client.query(`INSERT INTO directory.tenant (tenant_id, region) VALUES (gen_random_uuid(), 'default')`)
  await client.query(`INSERT INTO audit.event (tenant_id, event_id, actor_kind, action, resource, shape_id, ids, row_count, outcome, transaction_id)
    SELECT tenant_id, gen_random_uuid(), 'system', 'read', 'contacts', gen_random_uuid(), '{}', 0, 'allowed', '900000000' FROM directory.tenant`)
  await client.query('COMMIT')
  t.equal(await epoch(), 2, 'the database came from elsewhere')
  t.equal(await epoch(), 2)
  const sealedUpTo = (place: string): Promise<unknown> =>
    client.query(`BEGIN; SET LOCAL session_replication_role = replica;
      INSERT INTO audit.checkpoint (tenant_id, size, root_hash, epoch, watermark, key_generation, note, made_at)
      SELECT tenant_id, coalesce((SELECT max(size) FROM audit.checkpoint), 0) + 1, sha256(''), 2, ${place}, 1, '', now() FROM directory.tenant; COMMIT`)
  await sealedUpTo('pg_snapshot_xmin(pg_current_snapshot())')
  t.equal(await epoch(), 2)
  await sealedUpTo(`'900000000'`)
  t.equal(await epoch(), 3, 'it came from elsewhere, without the events that were sealed there')
  t.equal(await epoch(), 3)
})
