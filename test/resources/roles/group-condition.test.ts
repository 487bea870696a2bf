import t from 'tap'
import { startTestService } from '../../harness/service.ts'

t.test('a condition about all custom fields at once is refused: it would hold for every record', async (t) => {
  const { request } = await startTestService(t)
  for (const value of [true, false]) {
    const grants = [{ resource: 'contacts', actions: ['read'], when: { not: { exists: ['customFields', value] } } }]
    const fault = { path: '/grants/0/when/not/exists', code: 'unknown_in_grant' }
    for (const [path, body] of [
      ['/v1/roles', { name: 'Role', grants }],
      ['/v1/roles/simulate', { grants, resource: 'contacts', record: {} }],
    ] as const) {
      const refused = await request('POST', path, { body })
      t.match([refused.status, refused.body.errors], [422, [fault]], path)
    }
  }
  const { resources } = (await request('GET', '/v1/permissions')).body
  t.match(
    JSON.stringify(resources),
    /"name":"customFields","kind":"json"[^{}]*"operators":\[\]/,
    'and so editors of roles are told',
  )
})
