import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CheckpointFiles } from '../../src/audit/checkpoint-files.ts'
import { sealAll } from '../harness/seal.ts'
import { startTestService, type TestService } from '../harness/service.ts'

export interface SmallLog {
  service: TestService
  tenant: { tenantId: string; region: string }
  store: CheckpointFiles
  /** Where the notes outside the database are. */
  folder: string
}

/** A service whose audit has events of all kinds, about forty for each checkpoint. */
export async function smallLog(t: { teardown(end: () => unknown): unknown }, checkpoints: number): Promise<SmallLog> {
  const service = await startTestService(t)
  const folder = mkdtempSync(join(tmpdir(), 'custodia-checkpoints-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const store = new CheckpointFiles(folder)
  const tenant = { tenantId: service.tenantId, region: 'default' }
  const agent = await service.member('agent')
  for (let i = 0; i < checkpoints; i++) {
    await work(service, agent.token, i)
    await sealAll(service, store)
  }
  return { service, tenant, store, folder }
}

async function work({ request }: TestService, agent: string, round: number): Promise<void> {
  const ids: string[] = []
  for (let i = 0; i < 4; i++) {
    const body = { displayName: `Ada ${round} ${i}`, phone: `+4917012345${round}${i}`, country: 'DE' }
    ids.push((await request('POST', '/v1/contacts', { body })).id)
  }
  for (const id of ids) {
    await request('GET', `/v1/contacts/${id}`, { headers: { 'custodia-purpose': 'support' } })
    await request('GET', `/v1/contacts/${id}`, { token: agent })
    await request('PATCH', `/v1/contacts/${id}`, {
      body: { followUpStatus: `called ${round}`, email: 'a@example.com' },
    })
    await request('POST', `/v1/contacts/${id}/reveal`, { body: { fields: ['phone'], reason: 'She waits' } })
    await request('GET', `/v1/contacts/${id}/timeline`)
  }
  await request('GET', '/v1/contacts?country=DE&sort=-updatedAt')
  await request('POST', '/v1/contacts/search', { body: { where: { eq: ['country', 'DE'] }, limit: 3 } })
  await request('GET', '/v1/contacts/01a202d7-05ad-78ba-911f-183f11be662b')
  await request('GET', '/v1/members', { token: agent })
  await request('GET', '/v1/audit-events?limit=5')
  await request('GET', '/v1/conversations')
  await request('GET', '/v1/tenants')
  await request('GET', '/v1/roles')
  for (const id of ids.slice(0, 2)) await request('DELETE', `/v1/contacts/${id}`)
}
