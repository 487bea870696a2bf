import t from 'tap'
import type { Credential, Principal } from '../../src/access/principal.ts'
import { credentialOf } from '../../src/http/tokens.ts'
import { startTestService, type TestService } from '../harness/service.ts'

const grant = (fields: string[]) => [{ resource: 'contacts', actions: ['read'], fields: { read: fields } }]

/** The same credential at several requests, each of which has read it from its own token. */
function credentialsOf(service: TestService, token: string, count: number): Credential[] {
  return Array.from({ length: count }, () => {
    const credential = credentialOf(service.app, token)
    if (!credential) throw new Error('nobody has this token')
    return credential
  })
}

t.test('requests that come together share an ability, and one that comes after a change has another', async (t) => {
  const service = await startTestService(t)
  const roleId = await service.role(grant(['displayName']))
  const { token } = await service.member([roleId])
  const all = async (): Promise<Principal[]> => {
    const found = await Promise.all(credentialsOf(service, token, 8).map((one) => service.db.principal(one)))
    return found.filter((one) => one !== null)
  }
  const first = await all()
  t.equal(first.length, 8)
  t.equal(new Set(first.map((one) => one.ability)).size, 1, 'built once')
  const [one] = first
  if (!one) return
  t.equal(await service.db.renewed(one), one, 'what stands is not built again')
  t.equal(one.ability.may('update', 'contacts'), false)
  const more = [{ resource: 'contacts', actions: ['read', 'update'], fields: { read: ['*'], write: ['*'] } }]
  const headers = { 'if-match': '*' }
  const changed = await service.request('PATCH', `/v1/roles/${roleId}`, { body: { grants: more }, headers })
  t.equal(changed.status, 200)
  const renewed = await Promise.all(first.map((each) => service.db.renewed(each)))
  t.equal(new Set(renewed).size, 1)
  t.equal(renewed[0]?.ability.may('update', 'contacts'), true, 'the role has changed')
  t.equal((await service.request('PATCH', `/v1/members/${one.id}`, { body: { roleIds: [] } })).status, 200)
  const bare = await service.db.renewed(one)
  t.equal(bare?.ability.may('read', 'contacts'), false, 'and here the member')
  t.equal((await service.request('DELETE', `/v1/members/${one.id}`)).status, 204)
  t.equal(await service.db.renewed(one), null)
})

t.test('whoever knows a key’s name but not its secret is not taken for the one who was here', async (t) => {
  const service = await startTestService(t)
  const roleId = await service.role(grant(['displayName']))
  const made = await service.request('POST', '/v1/api-keys', { body: { name: 'CRM', roleIds: [roleId] } })
  const [credential] = credentialsOf(service, made.string('key'), 1)
  if (credential?.kind !== 'apiKey') throw new Error('not a key')
  const known = await service.db.principal(credential)
  t.ok(known)
  t.equal(await service.db.principal({ ...credential }), known)
  t.equal(await service.db.principal({ ...credential, secretHash: Buffer.alloc(32) }), null)
})
