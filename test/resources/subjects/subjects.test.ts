import t from 'tap'
import { type Lanes, startLanes } from '../../delivery/lanes.ts'
import type { TestService } from '../../harness/service.ts'
import { done } from '../conversations/fixtures.ts'
import { post, whatsappChannel } from '../ingest/posts.ts'

/** A WhatsApp channel of a business unit, and what posts a message of somebody to it. */
async function number({ service, drain }: Lanes, phoneNumberId: string, businessUnitId?: string) {
  const more = businessUnitId === undefined ? {} : { businessUnitId }
  const channel = await done(service, 'POST', '/v1/channels', whatsappChannel({ phoneNumberId }, more))
  let count = 0
  return async (wa_id: string): Promise<void> => {
    const value = {
      messaging_product: 'whatsapp',
      metadata: { display_phone_number: '1', phone_number_id: phoneNumberId },
      contacts: [{ wa_id, profile: { name: 'Mina' } }],
      messages: [
        {
          from: wa_id,
          id: `wamid.${phoneNumberId}.${++count}`,
          timestamp: '1790000000',
          type: 'text',
          text: { body: 'x' },
        },
      ],
    }
    const body = { object: 'whatsapp_business_account', entry: [{ id: '1', changes: [{ field: 'messages', value }] }] }
    const answer = await post(service, channel.id, JSON.stringify(body))
    if (answer.status !== 200) throw new Error(answer.text)
    await drain()
  }
}

const list = async (service: TestService, token = service.ownerToken) =>
  (await done(service, 'GET', '/v1/contacts?sort=createdAt', undefined, token)).data

t.test('the same human is one subject in two business units, for privacy work alone', async (t) => {
  const lanes = await startLanes(t)
  const { service } = lanes
  const unit = (await done(service, 'POST', '/v1/business-units', { name: 'Second' })).id
  const [first = {}] = (await done(service, 'GET', '/v1/business-units')).data.filter((one) => one.id !== unit)
  const [one, two] = [await number(lanes, '700000000000051'), await number(lanes, '700000000000052', unit)]
  await one('551187654321')
  await two('5511987654321')
  await two('4915100000001')
  const all = await list(service)
  t.equal(all.length, 3, 'each unit has its own contact')
  const units = [String((first as { id?: string }).id), unit]
  const { token: privacy } = await service.member('privacy', { businessUnitIds: units })
  const seen = await list(service, privacy)
  t.equal(seen[0]?.subjectId, seen[1]?.subjectId, 'in whatever form the number comes')
  t.not(seen[0]?.subjectId, seen[2]?.subjectId)
  const subject = await done(service, 'GET', `/v1/subjects/${seen[0]?.subjectId}`, undefined, privacy)
  t.same(
    (subject.body.contacts as { id: string }[]).map(({ id }) => id),
    [seen[0]?.id, seen[1]?.id],
  )
  const { token: half } = await service.member('privacy', { businessUnitIds: [unit] })
  const partly = await done(service, 'GET', `/v1/subjects/${seen[0]?.subjectId}`, undefined, half)
  t.same(
    (partly.body.contacts as { id: string }[]).map(({ id }) => id),
    [seen[1]?.id],
    'as many as one sees',
  )
  t.notOk('createdAt' in partly.body, 'nor since when another unit has known them')
  t.match(partly.id, /^.{8}-.{4}-4/, 'the id tells no time either')

  const wide = await service.role([
    { resource: 'contacts', actions: ['read', 'reveal'], fields: { read: ['*'], mask: ['*'] } },
  ])
  for (const role of ['agent', 'sales', 'manager', wide]) {
    const { token } = await service.member(role, { businessUnitIds: units })
    const ask = (path: string, body?: object) =>
      service.request(body ? 'POST' : 'GET', path, { token, ...(body ? { body } : {}) })
    const [row] = (await ask('/v1/contacts')).data
    t.notOk(row && ('subjectId' in row || (row.maskedFields as string[] | undefined)?.includes('subjectId')), role)
    for (const path of [`?subjectId=${seen[0]?.subjectId}`, '?sort=subjectId', '?subjectId[exists]=true'])
      t.equal((await ask(`/v1/contacts${path}`)).status, 400, `${role} ${path}`)
    const where = { eq: ['subjectId', seen[0]?.subjectId] }
    t.equal((await ask('/v1/contacts/search', { where })).status, 400)
    t.ok(
      [400, 403].includes((await ask(`/v1/contacts/${row?.id}/reveal`, { fields: ['subjectId'], reason: 'x' })).status),
    )
    t.equal((await ask(`/v1/subjects/${seen[0]?.subjectId}`)).status, 403)
  }

  await t.test('an erased contact leaves the other its subject; the last one takes it along', async (t) => {
    const gone = await service.request('POST', `/v1/contacts/${seen[0]?.id}/erase`, { body: { reason: 'asked' } })
    t.equal(gone.status, 200, gone.text)
    const rest = await done(service, 'GET', `/v1/subjects/${seen[0]?.subjectId}`, undefined, privacy)
    t.equal((rest.body.contacts as object[]).length, 1)
    await done(service, 'POST', `/v1/contacts/${seen[1]?.id}/erase`, { reason: 'asked' })
    t.equal((await service.request('GET', `/v1/subjects/${seen[0]?.subjectId}`, { token: privacy })).status, 404)
    const [left] = await service.sql('SELECT count(*)::int AS n FROM app.subject_address WHERE subject_id = $1', [
      seen[0]?.subjectId,
    ])
    t.same(left, { n: 0 })
  })
})

t.test('no business unit learns from anything that another one knows the same person', async (t) => {
  const worlds = await Promise.all(
    [true, false].map(async (isKnownElsewhere) => {
      const lanes = await startLanes(t)
      const { service } = lanes
      const unit = (await done(service, 'POST', '/v1/business-units', { name: 'Second' })).id
      const [own] = (await done(service, 'GET', '/v1/business-units')).data.filter((row) => row.id !== unit)
      const [one, two] = [await number(lanes, '700000000000061'), await number(lanes, '700000000000062', unit)]
      await two(isKnownElsewhere ? '4915100000001' : '4915100000099')
      await one('4915100000001')
      await two(isKnownElsewhere ? '4915100000001' : '4915100000099')
      const told: unknown[] = []
      for (const role of ['agent', 'sales', 'manager']) {
        const { token } = await service.member(role, { businessUnitIds: [String(own?.id)] })
        const contacts = await list(service, token)
        const paths = [
          '/v1/contacts',
          '/v1/conversations',
          ...contacts.flatMap(({ id }) =>
            ['', '/identities', '/timeline', '/history', '/merge-suggestions'].map(
              (rest) => `/v1/contacts/${id}${rest}`,
            ),
          ),
          '/v1/audit-events?resource=inbound-events',
          '/v1/audit-events?action=import',
        ]
        for (const path of paths) {
          const answer = await service.request('GET', path, { token })
          told.push([role, path.replaceAll(/[0-9a-f-]{36}/g, 'id'), answer.status, plain(answer.text)])
        }
      }
      return told
    }),
  )
  t.same(worlds[0], worlds[1])
  t.ok((worlds[0] ?? []).length > 15)
})

/** Without what differs from run to run: ids, times, and the order of what was made in the same moment. */
function plain(text: string): unknown {
  const body: unknown = JSON.parse(
    text.replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g, 'id').replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'time'),
  )
  const { data } = body as { data?: unknown }
  return Array.isArray(data) ? data.map((one) => JSON.stringify(one)).sort() : body
}

t.test('merged contacts stand for one human', async (t) => {
  const lanes = await startLanes(t)
  const { service } = lanes
  const unit = (await done(service, 'POST', '/v1/business-units', { name: 'Second' })).id
  const [one, two] = [await number(lanes, '700000000000071'), await number(lanes, '700000000000072', unit)]
  await one('4915100000001')
  await one('4915100000002')
  await two('4915100000002')
  const [first, second, third] = await list(service)
  const subjectOf = async (id: unknown) =>
    ((await done(service, 'GET', `/v1/subjects/${id}`)).body.contacts as { id: string }[]).map((row) => row.id)
  t.same(await subjectOf(first?.subjectId), [first?.id])
  await done(service, 'POST', `/v1/contacts/${first?.id}/merge`, { mergeId: second?.id })
  t.same(await subjectOf(first?.subjectId), [first?.id, third?.id])
  t.same(await subjectOf(third?.subjectId), [first?.id, third?.id])
  await done(service, 'POST', `/v1/contacts/${first?.id}/unmerge`)
  t.same(await subjectOf(first?.subjectId), [first?.id])
  t.same(await subjectOf(second?.subjectId), [second?.id, third?.id])

  const whatsapp = (await done(service, 'GET', `/v1/contacts/${third?.id}/identities`)).data
  for (const { id } of whatsapp) await done(service, 'PATCH', `/v1/identities/${id}`, { identifying: false })
  const parted = await list(service)
  t.not(parted[1]?.subjectId, parted[2]?.subjectId, 'an address that several share makes nobody the same human')
})
