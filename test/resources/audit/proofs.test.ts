import { randomUUID } from 'node:crypto'
import t from 'tap'
import { leafHash } from '../../../src/audit/merkle.ts'
import { checkConsistency, checkEvent, readKey } from '../../../src/audit/verifier.mjs'
import { startSealedService } from './sealed-service.ts'

t.test('an event is proven to whoever sees it, with nothing but the public key', async (t) => {
  const service = await startSealedService(t)
  const { request, member } = service
  const contact = await request('POST', '/v1/contacts', { body: { displayName: 'Anna', phone: '+4917012345678' } })
  const read = await request('GET', `/v1/contacts/${contact.id}`)
  const [event] = (await request('GET', `/v1/audit-events?requestId=${read.headers['request-id']}`)).data
  const path = `/v1/audit-events/${event?.id}/proof`

  const early = await request('GET', path)
  t.match([early.status, early.code, early.headers['retry-after']], [409, 'not_sealed', '5'])
  t.equal((await request('GET', '/v1/audit/checkpoints/latest')).code, 'not_sealed')

  await service.seal()
  const proof = await request('GET', path)
  t.equal(proof.status, 200)
  const vkey = await service.vkey()
  const verified = service.verify(['event', 'proof.json', '--key', vkey], { 'proof.json': proof.text })
  t.match(verified, { status: 0, said: `event ${event?.id}` })
  t.match(JSON.parse(proof.string('leaf')), { id: event?.id, touched: event?.touched, requestId: event?.requestId })
  const forged = proof.text.replace('contacts', 'messages')
  t.match(service.verify(['event', 'proof.json', '--key', vkey], { 'proof.json': forged }), { status: 1 })
  const other = `${vkey.slice(0, -4)}AAAA`
  t.match(service.verify(['event', 'proof.json', '--key', other], { 'proof.json': proof.text }), { status: 1 })

  await t.test('every event there is, each at its own place', async (t) => {
    const places = new Set<unknown>()
    const { data } = await request('GET', `/v1/audit-events?limit=200&to=${new Date().toISOString()}`)
    await service.seal()
    for (const { id } of data) {
      const one = await request('GET', `/v1/audit-events/${id}/proof`)
      places.add(one.body.leafIndex)
      t.match(checkEvent(one.text, readKey(vkey)), /^OK/)
    }
    t.equal(places.size, data.length)
  })

  await t.test('its text only to whoever reads all of it in clear', async (t) => {
    const some = await member(
      await service.role([{ resource: 'audit-events', actions: ['read'], fields: { read: ['*'], mask: [] } }]),
    )
    t.type((await request('GET', path, { token: some.token })).body.leaf, 'string')
    for (const fields of [{ read: ['action', 'resource'] }, { read: ['action'], mask: ['ip', 'touched'] }]) {
      const role = await service.role([{ resource: 'audit-events', actions: ['read'], fields }])
      const hidden = await request('GET', path, { token: (await member(role)).token })
      t.equal(hidden.status, 200)
      t.notOk('leaf' in hidden.body)
      t.equal(hidden.body.leafHash, proof.body.leafHash)
      const said = service.verify(['event', 'proof.json', '--key', vkey], { 'proof.json': hidden.text })
      t.match(said, { status: 0, said: /nothing is proven of that/ })
    }
    const byRow = await service.role([
      { resource: 'audit-events', actions: ['read'], fields: { read: ['*'] }, when: { eq: ['action', 'read'] } },
      { resource: 'audit-events', actions: ['read'], fields: { read: ['action', 'resource'] } },
    ])
    const { token } = await member(byRow)
    t.ok('leaf' in (await request('GET', path, { token })).body, 'a read, of which it may see all')
    const [made] = (await request('GET', `/v1/audit-events?requestId=${contact.headers['request-id']}`)).data
    t.notOk('leaf' in (await request('GET', `/v1/audit-events/${made?.id}/proof`, { token })).body, 'a creation')
  })

  await t.test('from its hash alone nothing that is hidden can be found by trying', async (t) => {
    const { salt, ...guessed } = JSON.parse(proof.string('leaf'))
    t.match(salt, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/, 'beside all that can be guessed stands what cannot')
    t.not(leafHash(JSON.stringify(guessed)).toString('base64'), proof.body.leafHash)
    const salts = await service.sql('SELECT count(DISTINCT salt) = count(*) AS differ FROM audit.event')
    t.same(salts, [{ differ: true }])
    const fields = [...Object.keys(event ?? {})].filter((name) => name !== 'ip')
    const all = { resource: 'audit-events', actions: ['read', 'export'], fields: { read: fields } }
    const { token } = await member(await service.role([all]))
    for (const answer of [
      path,
      `/v1/audit-events/${event?.id}`,
      '/v1/audit-events?limit=200',
      '/v1/audit-events/export',
    ]) {
      const shown = await request('GET', answer, { token })
      t.equal(shown.status, 200, answer)
      t.notMatch(shown.text, new RegExp(salt), `${answer} does not tell it to who sees all but the address`)
    }
  })

  await t.test('reading a proof is on record, with what was shown', async (t) => {
    const whole = await request('GET', path)
    const [recorded] = (await request('GET', `/v1/audit-events?requestId=${whole.headers['request-id']}`)).data
    t.match(recorded, { action: 'read', resource: 'audit-events', outcome: 'allowed', touched: [{ ids: [event?.id] }] })
    const { touched } = recorded as unknown as { touched: { shown: string[] }[] }
    t.ok(['id', 'touched', 'ip', 'query'].every((name) => touched[0]?.shown.includes(name)))
  })

  await t.test('and to nobody else', async (t) => {
    t.equal((await request('GET', `/v1/audit-events/${randomUUID()}/proof`)).status, 404)
    const stranger = await service.tenant()
    t.equal((await request('GET', path, { token: stranger.ownerToken })).status, 404)
    t.equal((await request('GET', path, { token: (await member('agent')).token })).status, 403)
    const narrow = await service.role([
      { resource: 'audit-events', actions: ['read'], fields: { read: ['*'] }, when: { eq: ['action', 'delete'] } },
    ])
    t.equal((await request('GET', path, { token: (await member(narrow)).token })).status, 404, 'out of its scope')
  })
})

t.test('checkpoints continue each other, and anybody can check it', async (t) => {
  const service = await startSealedService(t)
  const { request } = service
  for (let round = 0; round < 5; round++) {
    for (let i = 0; i <= round * 4; i++) await request('GET', '/v1/contacts')
    await service.seal()
  }
  const vkey = await service.vkey()
  const all = (await request('GET', '/v1/audit/checkpoints')).data
  t.ok(all.length >= 5)
  const sizes = all.map((one) => Number(one.size))
  t.same(
    sizes,
    sizes.toSorted((a, b) => b - a),
    'the newest first',
  )
  t.same((await request('GET', '/v1/audit/checkpoints/latest')).body, all[0])
  t.equal(all[0]?.rootHash, String(all[0]?.note).split('\n')[2])

  const paged: unknown[] = []
  for (let cursor = ''; ; ) {
    const page = await request('GET', `/v1/audit/checkpoints?limit=2${cursor}`)
    paged.push(...page.data)
    if (page.body.nextCursor === null) break
    cursor = `&cursor=${page.string('nextCursor')}`
  }
  t.same(paged, all)

  for (const [i, from] of all.entries())
    for (const to of all.slice(0, i + 1)) {
      const proof = await request('GET', `/v1/audit/consistency?from=${from.size}&to=${to.size}`)
      t.match(checkConsistency(proof.text, readKey(vkey)), /^OK/)
      t.match(checkConsistency(proof.text, readKey(vkey), [String(from.note), String(to.note)]), /^OK/)
    }
  const newest = await request('GET', `/v1/audit/consistency?from=${sizes.at(-1)}`)
  const files = { 'proof.json': newest.text, 'old.note': String(all.at(-1)?.note), 'new.note': String(all[0]?.note) }
  const words = ['consistency', 'old.note', 'new.note', 'proof.json', '--key', vkey]
  t.match(service.verify(words, files), { status: 0, said: /^OK/ })
  t.match(newest.body, { to: { size: sizes[0], checkpoint: all[0]?.note } }, 'the newest, where nothing is said')

  await t.test('what is asked wrongly is refused', async (t) => {
    const status = async (query: string) => (await request('GET', `/v1/audit/consistency?${query}`)).status
    t.equal(await status(`from=${sizes[0]}&to=${sizes[1]}`), 400, 'backwards')
    t.equal(await status('from=0'), 400)
    t.equal(await status('from=1e3'), 400)
    t.equal(await status('from=999999999999999'), 404)
    const never = Array.from({ length: sizes.length + 1 }, (_, i) => i + 1).find((size) => !sizes.includes(size))
    t.equal(await status(`from=${never}&to=${sizes[0]}`), 404, 'there was no such checkpoint')
    t.equal(await status(''), 400)
    t.equal((await request('GET', '/v1/audit/checkpoints?cursor=abc')).code, 'invalid_cursor')
    t.equal((await request('GET', '/v1/audit/checkpoints?limit=0')).status, 400)
  })

  await t.test('reading them is on record', async (t) => {
    for (const path of ['checkpoints', 'checkpoints/latest', 'keys', `consistency?from=${sizes[1]}`]) {
      const looked = await request('GET', `/v1/audit/${path}`)
      t.equal(looked.status, 200)
      t.match((await request('GET', `/v1/audit-events?requestId=${looked.headers['request-id']}`)).data, [
        { action: 'read', resource: 'audit-events', outcome: 'allowed' },
      ])
    }
  })

  await t.test('another tenant has a log of its own', async (t) => {
    const { ownerToken: token } = await service.tenant()
    t.same((await request('GET', '/v1/audit/checkpoints', { token })).data, [])
    t.same((await request('GET', '/v1/audit/keys', { token })).data, [])
    t.equal((await request('GET', `/v1/audit/consistency?from=${sizes[0]}`, { token })).status, 404)
  })
})

t.test('the verifier is there for everybody, as it lies in the source', async (t) => {
  const { request } = await startSealedService(t)
  const answer = await request('GET', '/v1/audit/verifier.mjs', { token: null })
  t.equal(answer.status, 200)
  t.match(answer.headers['content-type'], /^text\/javascript/)
  t.match(answer.text, /^#!\/usr\/bin\/env node\n/)
})
