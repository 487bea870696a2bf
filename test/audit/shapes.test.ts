import t from 'tap'
import { isShape } from '../../src/audit/shapes.ts'
import { appClient } from '../harness/app-login.ts'
import { startTestService } from '../harness/service.ts'

t.test('a shape is stored under the id that is made of it, and under no other', async (t) => {
  const service = await startTestService(t)
  const app = await appClient(t, service)
  await app.query(`SELECT set_config('app.tenant', $1, false)`, [service.tenantId])
  const shape = JSON.stringify([{ resource: 'contacts', shown: ['phone'], masked: [], changed: ['followUpStatus'] }])
  const forged = JSON.stringify([{ resource: 'contacts', shown: [], masked: ['phone'], changed: ['followUpStatus'] }])
  const put = (stored: string, named: string) =>
    app.query<{ id: string; text: string }>(
      `INSERT INTO audit.shape (tenant_id, shape_id, shape) VALUES ($1, audit.shape_id($2::jsonb), $3::jsonb)
       RETURNING shape_id AS id, shape::text AS text`,
      [service.tenantId, named, stored],
    )
  const refused = { code: '23514', constraint: 'shape_is_its_id' }
  await t.rejects(put(forged, shape), refused, 'an id that an event is going to look for')
  const [stored] = (await put(shape, shape)).rows
  t.ok(stored && isShape(stored.id, stored.text), 'which this process makes alike')
  const answer = await service.request('GET', '/v1/contacts')
  t.equal(answer.status, 200, 'events find theirs as ever')
})
