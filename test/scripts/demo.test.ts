import { parsePhoneNumberFromString } from 'libphonenumber-js/max'
import t from 'tap'
import { accounts } from '../../scripts/demo/accounts.ts'
import { colleagues, teams, units } from '../../scripts/demo/company.ts'
import { makeDialogues } from '../../scripts/demo/conversations.ts'
import { fillTenant } from '../../scripts/demo/fill.ts'
import { languages } from '../../scripts/demo/languages/index.ts'
import { describeLogins } from '../../scripts/demo/logins.ts'
import { makePeople } from '../../scripts/demo/people.ts'
import { populations } from '../../scripts/demo/populations.ts'
import { Progress } from '../../scripts/demo/progress.ts'
import { Random } from '../../scripts/demo/random.ts'
import { demoPassword } from '../../scripts/demo/set-up.ts'
import { channelTypeNames } from '../../src/resources/channels/schema.ts'
import { contacts } from '../../src/resources/contacts/schema.ts'
import { builtInRoles } from '../../src/resources/roles/built-in.ts'
import { startTestService } from '../harness/service.ts'

const now = Date.parse('2026-04-01T09:30:00Z')
const counts = { contacts: 2_000, conversations: 4_000, messages: 10_000 }

function generated() {
  const random = new Random(7)
  const people = makePeople(counts.contacts, now, random)
  return { people, dialogues: makeDialogues(people, counts, now, random) }
}

t.test('the company has every role, every country a team, every type a channel', async (t) => {
  t.same(new Set(colleagues.map((one) => one.role)), new Set(builtInRoles([]).map((role) => role.name)))
  t.same(new Set(Object.values(accounts).map((one) => one.type)), new Set(channelTypeNames))
  for (const { country, team, unit, channels } of populations) {
    t.ok((teams[team].countries as readonly string[]).includes(country), country)
    for (const name of Object.keys(channels))
      t.equal(accounts[name as keyof typeof accounts].unit, unit, `${country} ${name}`)
    const crew = colleagues.filter(
      (one) => one.role === 'agent' && one.teams.includes(team) && one.units.includes(unit),
    )
    t.ok(crew.length > 0, `somebody answers ${country}`)
  }
  t.equal(Object.keys(units).length, 3)
})

t.test('every language has a few dozen phrases, by turns, with nothing to fill in that is not filled', async (t) => {
  for (const { tag, talks } of Object.values(languages)) {
    const lines = talks.flatMap((talk) => talk.lines)
    t.ok(lines.length >= 30, `${tag}: ${lines.length}`)
    t.equal(new Set(lines).size, lines.length, `${tag}: no phrase twice`)
    for (const talk of talks)
      t.ok(
        talk.lines.every((line, i) => line.startsWith(i % 2 === 0 ? '< ' : '> ')),
        `${tag} ${talk.topic}`,
      )
    t.same(talks.map((talk) => talk.topic).sort(), languages.en.talks.map((talk) => talk.topic).sort(), tag)
  }
  const { dialogues } = generated()
  const left = dialogues.flatMap((one) => one.utterances).filter((one) => one.text === '' || /[{}]/.test(one.text))
  t.same(left, [])
})

t.test('there are exactly as many people and messages as promised, the same at each run', async (t) => {
  const { people, dialogues } = generated()
  t.equal(people.length, counts.contacts)
  t.equal(dialogues.length, counts.conversations)
  t.equal(dialogues.flatMap((one) => one.utterances).length, counts.messages)
  const said = ({ people: everybody, dialogues: talks }: ReturnType<typeof generated>): string =>
    JSON.stringify([
      everybody.map((one) => [one.displayName, one.email, one.phone]),
      talks.map((one) => one.utterances.map(({ text, timeMs }) => [text, timeMs])),
    ])
  t.ok(said(generated()) === said({ people, dialogues }))
})

t.test(
  'every phone number is valid in its country, every address in a domain that is reserved, none twice',
  async (t) => {
    const { people } = generated()
    for (const { phone, email, population, tags, displayName } of people) {
      const number = parsePhoneNumberFromString(phone)
      if (!number?.isValid() || number.country !== population.country) t.fail(`${population.country} ${phone}`)
      if (!/^[a-z.]+\d*@example\.(com|org|net)$/.test(email)) t.fail(email)
      const body = { displayName, email, phone, country: population.country, tags, language: population.tag ?? 'en' }
      if (!contacts.createBody.safeParse(body).success) t.fail(`the API would refuse ${JSON.stringify(body)}`)
    }
    t.equal(new Set(people.map((one) => one.phone)).size, people.length)
    t.equal(new Set(people.map((one) => one.email)).size, people.length)
  },
)

t.test('nobody writes before they are known, in the future, or before what was said', async (t) => {
  const wrong = generated().dialogues.filter(({ person, utterances }) => {
    const times = [person.createdMs, ...utterances.map((one) => one.timeMs), now]
    return times.some((time, i) => i > 0 && time < (times[i - 1] ?? 0))
  })
  t.same(wrong, [])
})

t.test('the API shows the demo as its own records, to each role what it may see', async (t) => {
  const { app, db, tenant, request, sql } = await startTestService(t)
  await tenant()
  const company = await fillTenant(
    app,
    db,
    'Küste & Meer',
    { contacts: 90, conversations: 180, messages: 450 },
    new Progress(1),
  )
  t.equal(company.domain, 'kuste-meer.example.com')
  const bodies = await Promise.all(
    company.members.map(async ({ email, role }) => {
      const body = { email, password: demoPassword }
      const session = await request('POST', '/v1/sessions', { token: null, body })
      t.equal(session.status, 201, role)
      return { role, token: session.string('accessToken') }
    }),
  )
  const tokenOf = (role: string): string => bodies.find((one) => one.role === role)?.token ?? ''

  // Every answer is held against its schema by the harness.
  const owner = tokenOf('owner')
  for (const path of ['contacts', 'channels', 'members', 'teams', 'tags', 'business-units'])
    t.ok((await request('GET', `/v1/${path}?limit=200`, { token: owner })).data.length > 0, path)
  const all = '/v1/conversations?limit=200&include=contact,lastMessage,assignee'
  const conversations = (await request('GET', all, { token: owner })).data
  t.equal(conversations.length, 180)
  for (const one of conversations.slice(0, 20)) {
    const messages = (await request('GET', `/v1/conversations/${one.id}/messages`, { token: owner })).data
    t.equal(messages[0]?.id, one.lastMessageId, 'the last message comes first')
    t.equal((await request('GET', `/v1/conversations/${one.id}/notes`, { token: owner })).status, 200)
  }
  const [waiting] = (await request('GET', `${all}&sort=waitingSince`, { token: owner })).data
  t.equal(waiting?.status === 'closed', false)
  t.match(waiting, { waitingSince: String, lastMessage: { direction: 'inbound' } })

  const [contact] = (await request('GET', '/v1/contacts?limit=1', { token: tokenOf('agent') })).data
  t.match(contact, { phone: /•/, email: /•/, maskedFields: ['email', 'phone'] })
  const mine = `/v1/contacts/${contact?.id}`
  t.equal((await request('GET', `${mine}/identities`, { token: owner })).status, 200)
  t.equal((await request('GET', `${mine}/timeline`, { token: owner })).status, 200)
  t.equal((await request('GET', '/v1/contacts', { token: tokenOf('connector') })).code, 'forbidden')

  const events = await sql<{ n: number }>(
    `SELECT count(*)::int AS n FROM audit.readable_event WHERE action = 'import' AND resource IN ('contacts', 'conversations')`,
  )
  t.ok((events[0]?.n ?? 0) > 0, 'in the audit')
  t.match(await describeLogins(company, 'http://127.0.0.1:1'), /ruth@kuste-meer\.example\.com +privacy/)
})
