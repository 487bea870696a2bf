import t from 'tap'
import { startTestService, type TestService } from '../../harness/service.ts'

const anna = { displayName: 'Anna Müller', phone: '+4917012345678', email: 'anna@example.com' }
const reason = 'She asked to be called back'

/** A contact, and what it takes to ask for its phone number. */
async function world(service: TestService) {
  const { id } = await service.request('POST', '/v1/contacts', { body: anna })
  return {
    id,
    reveal: (token: string, fields = ['phone']) =>
      service.request('POST', `/v1/contacts/${id}/reveal`, { token, body: { fields, reason } }),
    match: (token: string) => service.request('GET', `/v1/contacts?phone=${encodeURIComponent(anna.phone)}`, { token }),
    allow: (path: string, revealQuota: unknown, token = service.ownerToken) =>
      service.request('PATCH', path, { token, body: { revealQuota } }),
    used: async (principal: string) =>
      (
        await service.sql('SELECT used FROM app.reveal_use WHERE principal_id = $1 AND day = current_date', [principal])
      )[0]?.used,
  }
}

t.test('each member has a quota of its own, which counts at once', async (t) => {
  const service = await startTestService(t)
  const { reveal, match, allow, used } = await world(service)
  const [agent, other] = [await service.member('agent'), await service.member('agent')]
  const path = `/v1/members/${agent.id}`
  t.equal((await service.request('GET', path)).body.revealQuota, null, 'the usual one')
  t.equal((await reveal(agent.token)).status, 200)
  t.match((await allow(path, 2)).body, { revealQuota: 2 })
  t.equal((await match(agent.token)).status, 200)
  t.match([(await reveal(agent.token)).code, (await match(agent.token)).code], ['quota_exceeded', 'quota_exceeded'])
  t.equal(await used(agent.id), 2)
  t.equal((await reveal(other.token)).status, 200, 'another’s is another')
  t.equal((await allow(path, 4)).status, 200)
  t.equal((await reveal(agent.token, ['phone', 'email'])).status, 200)
  t.equal((await reveal(agent.token)).status, 429)
  t.equal((await allow(path, null)).status, 200)
  t.equal((await reveal(agent.token)).status, 200, 'back to the usual one')

  await t.test('none is none, from the first', async (t) => {
    const nothing = await service.member('agent', { revealQuota: 0 })
    t.match([(await reveal(nothing.token)).status, (await match(nothing.token)).status], [429, 429])
    t.notOk(await used(nothing.id))
    const one = await service.member('agent', { revealQuota: 1 })
    t.equal((await reveal(one.token, ['phone', 'email'])).status, 429, 'two are more than one')
    t.equal((await reveal(one.token)).status, 200)
  })
  await t.test('of many at once no more than the quota pass', async (t) => {
    for (const quota of [0, 1, 7]) {
      const many = await service.member('agent', { revealQuota: quota })
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? reveal(many.token) : match(many.token))),
      )
      t.equal(answers.filter(({ status }) => status === 200).length, quota)
      t.equal(answers.filter(({ status }) => status === 429).length, 20 - quota)
      t.equal((await used(many.id)) ?? 0, quota)
    }
  })
})

t.test('a key has one, too; acting for a member it has no more than both', async (t) => {
  const service = await startTestService(t)
  const { reveal, allow, used } = await world(service)
  const contacts = {
    resource: 'contacts',
    actions: ['read', 'reveal'],
    fields: { read: ['displayName'], mask: ['phone', 'email'] },
  }
  const role = await service.role([contacts, { resource: 'members', actions: ['impersonate', 'read'] }])
  const made = await service.request('POST', '/v1/api-keys', { body: { name: 'CRM', roleIds: [role], revealQuota: 1 } })
  t.match(made.body, { revealQuota: 1 })
  const key = made.string('key')
  t.match([(await reveal(key)).status, (await reveal(key)).status], [200, 429])
  const member = await service.member('agent', { revealQuota: 3 })
  const exchanged = await service.request('POST', '/v1/sessions/exchange', {
    token: key,
    body: { memberId: member.id },
  })
  const both = exchanged.string('accessToken')
  t.match(
    [(await reveal(both)).status, (await reveal(both)).status],
    [200, 429],
    'the key’s one, counted for the member',
  )
  t.equal(await used(member.id), 1)
  t.equal((await allow(`/v1/api-keys/${made.id}`, 100)).status, 200)
  t.match([(await reveal(both)).status, (await reveal(both)).status], [200, 200])
  t.equal((await reveal(both)).status, 429, 'now the member’s')
  t.equal((await reveal(member.token)).status, 429)
})

t.test('it is set by whoever may administer', async (t) => {
  const service = await startTestService(t)
  const { allow } = await world(service)
  const { id } = await service.member('agent')
  const path = `/v1/members/${id}`
  const writes = { resource: 'members', actions: ['read', 'update'], fields: { read: ['*'], write: ['*'] } }
  const clerk = await service.member(await service.role([writes]))
  t.match((await allow(path, 5, clerk.token)).body, { code: 'forbidden', errors: [{ path: '/revealQuota' }] })
  const chief = await service.member(await service.role([{ ...writes, actions: ['read', 'update', 'administer'] }]))
  t.equal((await allow(path, 5, chief.token)).status, 200)
  t.equal((await allow(path, 5, (await service.member('agent')).token)).status, 403)
  t.equal((await allow(`/v1/members/${chief.id}`, 9, (await service.member('manager')).token)).status, 403)
  for (const wrong of [-1, 100_001, 1.5, '5', true]) t.equal((await allow(path, wrong)).status, 400, String(wrong))
  t.equal((await allow(path, 100_000)).status, 200)
})

t.test(
  'a quota that is hit is told: every refusal in the audit, once a day an alert, in the log and the metrics',
  async (t) => {
    const service = await startTestService(t)
    const { request, logs, app, sql } = service
    const { id, reveal, match } = await world(service)
    const agent = await service.member('agent', { revealQuota: 0 })
    const auditor = await service.member('manager')
    const events = async (query: string) =>
      (await request('GET', `/v1/audit-events?${query}`, { token: auditor.token })).data

    const refused = await reveal(agent.token, ['phone', 'email'])
    t.equal(refused.status, 429)
    t.match(await events(`code=quota_exceeded&requestId=${refused.headers['request-id']}`), [
      {
        actor: { kind: 'member', id: agent.id },
        action: 'reveal',
        resource: 'contacts',
        outcome: 'denied',
        code: 'quota_exceeded',
        touched: [{ resource: 'contacts', ids: [id], shown: [], masked: ['phone', 'email'] }],
        subjectIds: [id],
      },
    ])
    t.equal((await events(`subjectId=${id}&code=quota_exceeded`)).length, 1, 'found by the contact')
    const alert = {
      actor: { kind: 'system', id: null },
      action: 'reveal',
      resource: 'members',
      code: 'quota_alert',
      touched: [{ resource: 'members', ids: [agent.id] }],
    }
    t.match(await events('code=quota_alert'), [alert])

    t.equal((await match(agent.token)).status, 429)
    await Promise.all(Array.from({ length: 4 }, () => reveal(agent.token)))
    t.equal((await events('code=quota_exceeded')).length, 6 - 1, 'lists without a contact aside, each refusal is there')
    t.equal((await events('code=quota_alert')).length, 1, 'the alert stays one')

    const lines = logs.map((line) => JSON.parse(line)).filter((line) => line.level === 'warn')
    t.match(lines, [{ msg: 'a quota for clear values is used up', principalId: agent.id, tenantId: service.tenantId }])
    t.notMatch(JSON.stringify(lines), /Anna|4917012345678|anna@example|called back/)

    // Labels stand in no promised order.
    const counted = (action: string): number =>
      Number(
        metrics
          .split('\n')
          .find((line) => line.startsWith('custodia_reveal_quota_exceeded_total{') && line.includes(`"${action}"`))
          ?.split(' ')[1],
      )
    const metrics = (await app.inject({ url: '/metrics' })).body
    t.equal(counted('reveal'), 5)
    t.equal(counted('read'), 1)

    await sql('UPDATE app.reveal_use SET day = day - 1')
    t.equal((await reveal(agent.token)).status, 429)
    t.equal((await events('code=quota_alert')).length, 2, 'another day, another alert')
    await request('POST', '/v1/tags', { body: { name: 'vip' } })
    t.notMatch((await app.inject({ url: '/metrics' })).body, agent.id)
  },
)
