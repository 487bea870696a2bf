import t from 'tap'
import { type Lanes, said, startLanes } from '../../delivery/lanes.ts'
import { ownerEmail } from '../../harness/service.ts'
import { sized } from '../../harness/size.ts'
import { done } from '../conversations/fixtures.ts'
import { ChainModel, chance, type Person } from './chain-model.ts'

t.setTimeout(3_600_000)

const seed = Number(process.env.SEED ?? 20_261_122)
const fields = ['displayName', 'company', 'jobTitle', 'intent', 'birthDate', 'lifecycleStage'] as const
const values: Record<(typeof fields)[number], string[]> = {
  displayName: ['Anna', 'Ann', 'Anne'],
  company: ['One Ltd', 'Two Ltd'],
  jobTitle: ['Buyer', 'Seller'],
  intent: ['renewal', 'cancel'],
  birthDate: ['1980-01-01', '1990-02-02'],
  lifecycleStage: ['lead', 'customer', 'former'],
}
const tags = ['vip', 'press', 'friend', 'late']

type Channel = Awaited<ReturnType<Lanes['connector']>>
type Pick = (below: number) => number

let count = 0

class Chain {
  readonly model = new ChainModel()
  readonly lanes: Lanes
  readonly channel: Channel
  readonly pick: Pick
  readonly token: string
  merges = 0

  constructor(lanes: Lanes, channel: Channel, pick: Pick, token: string) {
    this.token = token
    this.lanes = lanes
    this.channel = channel
    this.pick = pick
  }

  one<T>(all: readonly T[]): T {
    const found = all[this.pick(all.length)]
    if (found === undefined) throw new Error('nothing to choose from')
    return found
  }

  some<T>(all: readonly T[]): T[] {
    return all.filter(() => this.pick(2) === 0)
  }

  async ask(method: string, path: string, body?: unknown) {
    return done(this.lanes.service, method, path, body, this.token)
  }

  /** Somebody who has written once, and of whom something is known. */
  async appear(): Promise<void> {
    const address = `person-${++count}`
    await this.write(address)
    const { sql } = this.lanes.service
    const [row] = await sql<{ id: string }>('SELECT contact_id AS id FROM app.identity WHERE value = $1', [address])
    const id = String(row?.id)
    const known: Record<string, unknown> = { tags: this.some(tags) }
    for (const field of this.some(fields)) known[field] = this.one(values[field])
    if (this.pick(2) === 0) known.customFields = { size: this.pick(3) + 40 }
    if (this.pick(2) === 0) known.externalIds = [{ system: this.one(['crm', 'shop']), id: `X-${count}` }]
    if (this.pick(2) === 0) known.email = `${address}@example.com`
    await this.ask('PATCH', `/v1/contacts/${id}`, known)
    const own = (await this.ask('GET', `/v1/contacts/${id}`)).body as Person['own']
    const [message] = await sql<{ id: string }>('SELECT id FROM app.message WHERE contact_id = $1', [id])
    if (this.pick(3) === 0)
      await sql(
        `INSERT INTO app.consent_event (tenant_id, id, business_unit_id, contact_id, category, state, source, occurred_at)
          SELECT tenant_id, gen_random_uuid(), business_unit_id, id, 'marketing', 'stop', 'form', now() FROM app.contact WHERE id = $1`,
        [id],
      )
    this.model.people.set(id, {
      id,
      address,
      own,
      into: null,
      messages: [String(message?.id)],
      notes: [],
      company: new Set(),
    })
  }

  async write(address: string): Promise<void> {
    await this.channel.send(said(`from ${address}`, { from: { value: address } }))
    await this.lanes.drain()
  }

  async traffic(): Promise<void> {
    const person = this.one([...this.model.people.values()])
    await this.write(person.address)
    const { sql } = this.lanes.service
    const [row] = await sql<{ id: string; conversation: string }>(
      'SELECT m.id, m.conversation_id AS conversation FROM app.message m JOIN app.identity i ON i.id = m.identity_id WHERE i.value = $1 ORDER BY m.id DESC LIMIT 1',
      [person.address],
    )
    person.messages.push(String(row?.id))
    if (this.pick(2) === 0)
      person.notes.push((await this.ask('POST', `/v1/conversations/${row?.conversation}/notes`, { text: 'noted' })).id)
  }

  /** Somebody changes the contact that stands there: a value that no other contact has. */
  async edit(): Promise<void> {
    const { id, own } = this.one(this.model.roots())
    const now = (await this.ask('GET', `/v1/contacts/${id}`)).body as Person['own']
    const mark = `edited ${++count}`
    const change =
      this.pick(2) === 0
        ? { [this.one(['displayName', 'company', 'jobTitle', 'intent'])]: mark }
        : { tags: [...now.tags, mark] }
    await this.ask('PATCH', `/v1/contacts/${id}`, change)
    if ('tags' in change) own.tags = [...own.tags, mark]
    else Object.assign(own, change)
  }

  async merge(): Promise<void> {
    const roots = this.model.roots()
    if (roots.length < 2) return
    const into = this.one(roots)
    const others = roots.filter((one) => one !== into).slice(0, 1 + this.pick(2))
    const choices = Object.fromEntries(this.some([...fields]).map((field) => [field, this.one(['ours', 'theirs'])]))
    if (this.pick(3) === 0) choices.tags = this.one(['ours', 'theirs', 'both'])
    const dry = await this.ask('POST', `/v1/contacts/${into.id}/merge`, {
      contactIds: others.map((one) => one.id),
      fields: choices,
      dryRun: true,
    })
    const real = await this.ask('POST', `/v1/contacts/${into.id}/merge`, {
      contactIds: others.map((one) => one.id),
      fields: choices,
    })
    const plain = ({ contact }: Record<string, unknown>) => ({ ...(contact as object), updatedAt: null })
    t.strictSame(plain(real.body), plain(dry.body), 'what came is what the dry run said')
    this.merges += 1
    await this.audited(real.headers['request-id'], [into.id, ...others.map((one) => one.id)])
    this.model.join(into, others)
  }

  async unmerge(other: Person): Promise<void> {
    const into = String(other.into)
    const isNested = this.model.person(into).into !== null
    const id = this.pick(2) === 0 ? other.id : into
    const answer = await this.lanes.service.request('POST', `/v1/contacts/${id}/unmerge`, {
      body: id === other.id ? {} : { mergeId: other.id },
      token: this.token,
    })
    if (isNested) return void t.equal(answer.status, 409, `nested: ${answer.text}`)
    t.equal(answer.status, 200, answer.text)
    other.into = null
    this.merges += 1
    await this.audited(answer.headers['request-id'], [into, other.id])
  }

  async audited(requestId: string | undefined, ids: readonly string[]): Promise<void> {
    const events = await this.lanes.service.sql<{ subjects: string[] }>(
      `SELECT subject_ids::text[] AS subjects FROM audit.readable_event WHERE request_id = $1 AND action = 'merge' AND outcome = 'allowed'`,
      [requestId],
    )
    t.equal(events.length, 1)
    const subjects = events[0]?.subjects ?? []
    t.same(
      ids.filter((id) => !subjects.includes(id)),
      [],
      'the event names all of them',
    )
    // A value that came with an earlier merge is sealed under the key of whose it was.
    const company = new Set(ids.flatMap((id) => [...this.model.person(id).company]))
    t.same(
      subjects.filter((id) => !ids.includes(id) && !company.has(id)),
      [],
      'and nobody else but whom they were one with before',
    )
  }

  /** Everything is where the model has it, and nothing is nobody's. */
  async check(): Promise<void> {
    const { sql } = this.lanes.service
    for (const { id } of this.model.roots()) {
      const mine = this.model.belongings(id)
      for (const [table, wanted] of [
        ['message', mine.messages],
        ['note', mine.notes],
      ] as const) {
        const found = await sql<{ id: string }>(`SELECT id FROM app.${table} WHERE contact_id = $1 ORDER BY id`, [id])
        t.same(
          found.map((row) => row.id),
          wanted,
          `${table}s`,
        )
      }
    }
    for (const { id } of this.model.merged())
      t.equal(
        (await this.lanes.service.request('GET', `/v1/contacts/${id}`, { token: this.token })).body.mergedIntoId,
        this.model.root(id),
      )
    const ids = [...this.model.people.keys()]
    const orphans = await sql(
      `SELECT 'of a merged contact' FROM (SELECT contact_id FROM app.identity UNION ALL SELECT contact_id FROM app.conversation UNION ALL SELECT contact_id FROM app.message
          UNION ALL SELECT contact_id FROM app.note UNION ALL SELECT contact_id FROM app.consent_event UNION ALL SELECT contact_id FROM app.external_id) AS r
          JOIN app.contact c ON c.id = r.contact_id WHERE c.state <> 'active' AND c.id = ANY ($1)
       UNION ALL SELECT 'in another contact''s conversation' FROM app.message m JOIN app.conversation c ON c.id = m.conversation_id WHERE m.contact_id <> c.contact_id
       UNION ALL SELECT 'noted in another contact''s conversation' FROM app.note n JOIN app.conversation c ON c.id = n.conversation_id WHERE n.contact_id <> c.contact_id
       UNION ALL SELECT 'at another contact''s address' FROM app.conversation c JOIN app.identity i ON i.id = c.identity_id WHERE i.contact_id <> c.contact_id
       UNION ALL SELECT 'said by another contact' FROM app.message m WHERE m.author_kind = 'contact' AND m.author_id <> m.contact_id
       UNION ALL SELECT 'two primaries' FROM app.identity WHERE is_primary AND state = 'active' GROUP BY contact_id, kind HAVING count(*) > 1
       UNION ALL SELECT 'an id elsewhere' FROM app.contact c WHERE c.state = 'active' AND c.id = ANY ($1) AND jsonb_array_length(c.external_ids) <> (SELECT count(*) FROM app.external_id x WHERE x.contact_id = c.id)`,
      [ids],
    )
    t.same(orphans, [])
  }

  /** Everybody is by themselves again, and what they were. */
  async part(): Promise<void> {
    while (this.model.merged().length > 0) {
      const free = this.model.merged().filter((one) => this.model.person(String(one.into)).into === null)
      await this.unmerge(this.one(free))
    }
    await this.check()
    for (const { id, own } of this.model.people.values()) {
      const now = (await this.ask('GET', `/v1/contacts/${id}`)).body
      t.same(comparable(now), comparable(own), 'what it was, with what was added to it')
    }
  }
}

function comparable(record: Record<string, unknown>): Record<string, unknown> {
  const { version: _version, updatedAt: _updatedAt, ...rest } = record
  return { ...rest, tags: [...(record.tags as string[])].sort() }
}

t.test('contacts that were merged and parted in random order are what they were', async (t) => {
  const lanes = await startLanes(t)
  const channel = await lanes.connector()
  await done(lanes.service, 'POST', '/v1/custom-fields', {
    resource: 'contacts',
    key: 'size',
    type: 'number',
    labels: { en: 'Size' },
  })
  const chains = sized(15, 1_000, 1)
  let merges = 0
  let token = ''
  for (let n = 0; n < chains; n++) {
    const pick = chance(seed + n)
    // A session does not last as long as all of them.
    if (n % 50 === 0) token = (await lanes.service.login(ownerEmail)).token
    const chain = new Chain(lanes, channel, pick, token)
    for (let people = 3 + pick(3); people > 0; people--) await chain.appear()
    for (let steps = 6 + pick(8); steps > 0; steps--) {
      const step = pick(10)
      if (step < 4) await chain.merge()
      else if (step < 6) {
        const merged = chain.model.merged()
        if (merged.length > 0) await chain.unmerge(chain.one(merged))
      } else if (step < 8) await chain.traffic()
      else await chain.edit()
      if (pick(4) === 0) await chain.check()
    }
    await chain.check()
    await chain.part()
    merges += chain.merges
  }
  t.comment(`${chains} chains from seed ${seed}, ${merges} merges and unmerges`)
  const [left] = await lanes.service.sql<{ n: number }>(
    'SELECT count(*)::int AS n FROM app.contact_merge WHERE unmerged_at IS NULL OR sealed_fields IS NOT NULL',
  )
  t.equal(left?.n, 0, 'nothing is remembered of a merge that was taken back')
})
