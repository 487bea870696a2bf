import t from 'tap'
import { CheckpointFiles } from '../../src/audit/checkpoint-files.ts'
import { verifyTenant } from '../../src/audit/verify.ts'
import { sealAll } from '../harness/seal.ts'
import { ownerEmail, startTestService, type TestService } from '../harness/service.ts'
import { sized } from '../harness/size.ts'
import { storedFiles } from '../resources/attachments/fixtures.ts'
import { done, until } from '../resources/conversations/fixtures.ts'
import { type Dump, dumpAll, openAll, placesOf, wordsOf } from './erasure/dump.ts'
import { populate } from './erasure/people.ts'

t.setTimeout(1_800_000)

t.test(
  'of one erased among many nothing is left, in no table, no file, no job, under no key',
  { timeout: 1_800_000 },
  async (t) => {
    const service = await startTestService(t, { worker: true })
    const { people, post, sent } = await populate(t, service, sized(25, 1_000))
    const [victim, ...others] = people.toSorted(({ word: a }, { word: b }) => (a < b ? -1 : 1))
    if (!victim) throw new Error('nobody was made')
    const { word } = victim

    const before = await dumpAll(service)
    const places = placesOf(before, victim)
    const tables = [
      'contact',
      'contact_custom_value',
      'external_id',
      'identity',
      'conversation',
      'message',
      'note',
      'attachment',
      'tag',
    ]
    for (const table of tables) t.ok(places.includes(`app.${table}`), `${table} holds something of them`)
    t.same(
      places.filter((place) => place.startsWith('audit.')),
      [],
      'the audit holds no values',
    )
    const theirs = (opened: Map<string, string>) =>
      [...opened].filter(([, text]) => text.includes(word)).map(([place]) => place.split(' ')[0])
    const openable = theirs(await openAll(service))
    for (const kind of ['inbound_event', 'note', 'change'])
      t.ok(openable.includes(kind), `a ${kind} of theirs can be opened`)
    const files = storedFiles(service).length
    t.equal(files, people.length)
    const around = (dump: Dump) => {
      const words = wordsOf(dump)
      return others.map((one) => [one.word, words.get(one.word)])
    }
    const neighbours = around(before)
    t.ok(
      neighbours.every(([, where]) => (where?.length ?? 0) >= tables.length),
      'so do the others',
    )

    const tenant = { tenantId: service.tenantId, region: 'default' }
    const checkpoints = new CheckpointFiles(service.config.checkpointDir)
    await sealAll(service, checkpoints)
    const events = await eventRows(service)
    service.ownerToken = (await service.login(ownerEmail)).token
    const erased = await done(service, 'POST', `/v1/contacts/${victim.contactId}/erase`, {
      reason: 'Asked for it by email',
      ticket: 'DSR-7',
    })
    t.match(erased.body, {
      contactId: victim.contactId,
      counts: {
        attachments: 1,
        notes: 1,
        messages: 4,
        conversations: 1,
        identities: 4,
        externalIds: 1,
        customFields: 7,
        inboundEvents: 4,
      },
    })
    await until(() => storedFiles(service).length === files - 1)

    const after = await dumpAll(service)
    t.same(placesOf(after, victim), [], 'nothing of theirs is written anywhere')
    t.same(theirs(await openAll(service)), [], 'nothing of theirs opens under any key')
    const now = new Set(await eventRows(service))
    t.same(
      events.filter((row) => !now.has(row)),
      [],
      'every event of the audit is what it was',
    )
    await sealAll(service, checkpoints)
    const faults: string[] = []
    const report = await verifyTenant({
      tenantId: service.tenantId,
      store: checkpoints,
      run: (work) => service.db.sealed(tenant, work),
      fault: ({ text }) => faults.push(text),
    })
    t.same(faults, [], 'and all of them verify')
    t.ok(report.events > events.length && report.checkpoints >= 2)
    t.same(around(after), neighbours, 'of all others everything is where it was')
    t.equal(
      [...after.values()].some((text) => text.includes(victim.contactId)),
      true,
      'their id is still known',
    )

    await service.sql(`UPDATE app.message SET retry_at = NULL WHERE status = 'queued'`)
    await service.sql(`UPDATE graphile_worker._private_jobs SET run_at = now()`)
    await service.sql(`SELECT pg_notify('jobs:insert', '{"r":"test","count":1}')`)
    const repeated = () => sent().filter((body) => body.includes('second answer')).length
    await until(() => repeated() >= people.length + others.length, 120_000)
    t.equal(
      sent().filter((body) => body.includes(word) && body.includes('second answer')).length,
      1,
      'what waited to be sent is not sent',
    )

    await post({
      type: 'message',
      id: `m1-${word}`,
      from: { value: victim.address },
      message: { type: 'text', text: `I am ${word}` },
    })
    t.same(placesOf(await dumpAll(service), victim), [], 'a redelivery of what they wrote brings nothing back')
    await post({
      type: 'message',
      id: `m9-${word}`,
      from: { value: victim.address },
      message: { type: 'text', text: 'me again' },
    })
    const known = `SELECT contact_id AS id FROM app.identity WHERE value = $1`
    await until(async () => (await service.sql(known, [victim.address])).length > 0)
    const [again] = await service.sql<{ id: string }>(known, [victim.address])
    t.not(again?.id, victim.contactId, 'whoever comes back is somebody new')
    const { token } = await service.login(ownerEmail)
    t.equal((await service.request('GET', `/v1/contacts/${victim.contactId}`, { token })).status, 410)
  },
)

const eventRows = async ({ sql }: TestService): Promise<string[]> =>
  (await sql<{ row: string }>('SELECT e::text AS row FROM audit.event AS e')).map(({ row }) => row)
