import { randomUUID } from 'node:crypto'
import t from 'tap'
import { resources } from '../../src/resources/index.ts'
import { allRoutes, type Route } from '../harness/routes.ts'
import type { Answer, Row, TestService } from '../harness/service.ts'
import { everything } from '../http/raw.ts'
import { parserWorld, refusals, secret, some, told } from './parsers-world.ts'
import { contentTypes, spellingsOf } from './spellings.ts'

const isList = async ({ request }: TestService, { method, url }: Route, id: string): Promise<string | null> => {
  const path = url.replace(':id', id)
  if (method !== 'GET' || !path.startsWith('/v1/') || path.includes(':')) return null
  const answer = await request('GET', `${path}?limit=1`)
  return answer.status === 200 && answer.text.startsWith('{"data":[') ? path : null
}

t.test(
  'however a field is written, it can be used by whom it may be used, or by nobody',
  { timeout: 240_000 },
  async (t) => {
    const { service, request, id, token } = await parserWorld(t)
    const ask = (path: string, body?: object) => request(body ? 'POST' : 'GET', path, { token, body })
    const plain = told(await ask('/v1/contacts?country=DE'))
    t.match(plain, id)
    const nothing = told(await ask('/v1/contacts?country=XX'))
    const names = [
      'country',
      'company',
      'birthDate',
      'phone',
      'jobTitle',
      'email',
      'address',
      'held',
      'tenantId',
      'state',
    ]
    for (const [n, name] of names.entries()) {
      const isSeen = name === 'country'
      const word = isSeen ? 'DE' : secret
      const { texts, encoded } = spellingsOf(name)
      // One name that is seen and one that is hidden in every way, the others in some.
      const every = n < 2 ? 1 : 12
      for (const written of [name, ...some(encoded, n, every)])
        for (const query of [
          `${written}=${word}`,
          `${written}[startsWith]=${word.charAt(0)}`,
          `sort=${written}`,
          `sort=-${written}`,
        ]) {
          const answer = await ask(`/v1/contacts?${query}`)
          const isPlain = written === name
          // Of a masked field one full value may be asked for; this is none.
          if (isPlain && name === 'phone' && query === `phone=${word}`) t.equal(told(answer), nothing)
          else if (answer.status !== 400 && !(isPlain && isSeen))
            t.fail(`${query} answers ${answer.status} ${answer.text}`)
          if (answer.text.replaceAll(word, '').includes(secret)) t.fail(`${query} shows ${answer.text}`)
        }
      for (const text of some(texts, n, every))
        for (const body of [
          { where: { eq: [text, word] } },
          { where: { not: { exists: [text, true] } } },
          { sort: text },
          { sort: `-${text}` },
        ]) {
          const { status } = await ask('/v1/contacts/search', body)
          if (status !== 400) t.fail(`${JSON.stringify(body)} answers ${status}`)
        }
      const hex = [...name].map((letter) => `%${letter.charCodeAt(0).toString(16)}`).join('')
      const same = told(await ask(`/v1/contacts?${hex}=${word}`)).replaceAll(hex, name)
      t.equal(same, told(await ask(`/v1/contacts?${name}=${word}`)), `${name} encoded is ${name}`)
    }

    await t.test('in every list that there is', async (t) => {
      const reader = await service.member(
        await service.role(
          resources.map(({ name }) => ({ resource: name, actions: ['read'], fields: { read: ['id'] } })),
        ),
      )
      const names = [...new Set(resources.flatMap((resource) => [...resource.fields.keys()]))].filter(
        (name) => name !== 'id',
      )
      let lists = 0
      for (const route of allRoutes(service.app)) {
        const path = await isList(service, route, id)
        if (path === null) continue
        lists++
        t.equal((await request('GET', path, { token: reader.token })).status, 200, path)
        for (const [n, name] of some(names, lists, 6).entries()) {
          const { encoded } = spellingsOf(name)
          for (const written of [name, encoded[(n * 7 + lists) % encoded.length]])
            for (const query of some([`?${written}=x`, `?sort=${written}`], n, 2)) {
              const answer = await request('GET', path + query, { token: reader.token })
              if (answer.status !== 400) t.fail(`${path}${query} answers ${answer.status}`)
            }
        }
      }
      t.ok(lists >= 12, `${lists} lists`)
    })
  },
)

t.test('whatever a body is called and however it repeats itself, it is decided as what it is', async (t) => {
  const { service, request, id, token } = await parserWorld(t)
  const row = async (): Promise<Row | undefined> =>
    (await service.sql<Row>('SELECT * FROM app.contact WHERE id = $1', [id]))[0]
  const before = await row()
  const patch = (body: string | Buffer, type = 'application/json') =>
    request('PATCH', `/v1/contacts/${id}`, { token, body, headers: { 'content-type': type } })

  const slips = [
    '{"displayName":"x","company":"y"}',
    '{"company":"y","displayName":"x"}',
    '{"company":"y","company":"z"}',
    '{"displayName":"x","comp\\u0061ny":"y"}',
    '{"displayName":"x","\\u0063\\u006f\\u006d\\u0070\\u0061\\u006e\\u0079":"y"}',
    '{"displayName":"x","__proto__":{"company":"y"}}',
    '{"displayName":"x","\\u005f_proto__":{"company":"y"}}',
    '{"displayName":"x","constructor":{"prototype":{"company":"y"}}}',
    '{"displayName":"x","Company":"y"}',
    '{"displayName":"x","company ":"y"}',
    '{"displayName":"x","company\\u0000":"y"}',
    '{"displayName":"x","ｃｏｍｐａｎｙ":"y"}',
    '{"displayName":"x","job_title":"y"}',
    '{"displayName":"x","address.city":"y"}',
    '{"displayName":"x","address":{"city":"y"}}',
    '{"displayName":"x","customFields.x":"y"}',
    '{"displayName":"x","customFields":{"x":"y"}}',
    '{"displayName":"x","tenantId":"y"}',
    '{"displayName":"x","state":"erased"}',
    '{"displayName":"x","version":7}',
    '{"displayName":"x","maskedFields":[]}',
    '{"displayName":{"company":"y"}}',
    '{"displayName":["x"]}',
    '[{"displayName":"x"}]',
    '[["displayName","x"]]',
    '{"data":{"displayName":"x"}}',
    '{"0":{"displayName":"x"}}',
    '{"displayName":"x"}{"company":"y"}',
    '{"displayName":"x"}\n{"company":"y"}',
    '{"displayName":"x"}\0',
    '{"displayName":"x",/* */"company":"y"}',
    '{"displayName":"x","company":"y",}',
    `{"displayName":"x","a":${'{"a":'.repeat(200)}1${'}'.repeat(200)}}`,
    '[{"op":"replace","path":"/company","value":"y"}]',
    '[{"op":"copy","from":"/company","path":"/displayName"}]',
    'displayName=x&company=y',
    '"{\\"displayName\\":\\"x\\"}"',
  ]
  for (const [n, body] of slips.entries())
    for (const type of ['application/json', ...some(contentTypes, n, 6)]) {
      const answer = await patch(body, type)
      if (!refusals.includes(answer.status)) t.fail(`${body.slice(0, 80)} as ${JSON.stringify(type)}: ${answer.status}`)
      if (answer.text.includes(secret)) t.fail(answer.text)
    }
  t.same(await row(), before, 'nothing was written')

  await t.test(
    'a name that stands twice counts as it stands last, for checks and for what is written alike',
    async (t) => {
      for (const [twice, once] of [
        ['{"displayName":"a","displayName":"b"}', '{"displayName":"b"}'],
        ['{"displayName":"a","display\\u004eame":"c"}', '{"displayName":"c"}'],
        ['{"displayName":1,"displayName":"d"}', '{"displayName":"d"}'],
        ['\ufeff{"displayName":"e"}', '{"displayName":"e"}'],
        ['{"displayName":"a","displayName":1}', '{"displayName":1}'],
        ['{"displayName":"a","displayName":"••••"}', '{"displayName":"••••"}'],
        ['{"phone":"+4917012345678","displayName":"f"}', '{"phone":"+4917012345678"}'],
      ] as const) {
        const bare = (answer: Answer): string => told(answer).replaceAll(/"(version|updatedAt)":("[^"]*"|\d+),?/g, '')
        const [first, second] = [await patch(twice), await patch(once)]
        if (first.status === 200 || second.status === 200) t.equal(bare(first), bare(second), twice)
        else t.ok(refusals.includes(first.status), twice)
      }
      const search = async (where: string): Promise<string> =>
        told(await request('POST', '/v1/contacts/search', { token, body: `{"where":${where}}` }))
      const [seen, unseen] = ['["country","DE"]', `["company","${secret} & co"]`]
      t.match(await search(`{"eq":${unseen}}`), /^400/)
      t.match(await search(`{"eq":${seen}}`), id)
      t.equal(await search(`{"eq":${seen},"eq":${unseen}}`), await search(`{"eq":${unseen}}`))
      t.equal(await search(`{"eq":${unseen},"eq":${seen}}`), await search(`{"eq":${seen}}`))
      t.equal(await search(`{"eq":${seen},"\\u0065q":${unseen}}`), await search(`{"eq":${unseen}}`))
      for (const both of [
        `{"eq":${seen},"ne":${unseen}}`,
        `{"and":[{"eq":${seen}}],"eq":${unseen}}`,
        `{"eq":${seen},"__proto__":{"eq":${unseen}}}`,
      ])
        t.match(await search(both), /^400/, both)
      for (const value of [
        '["+4917012345678"]',
        '{"$ne":null}',
        '{"eq":"+4917012345678"}',
        'null',
        'true',
        '4917012345678',
        '"+49170%"',
        '"+49170*"',
        '"+491701234567_"',
      ])
        t.notMatch(await search(`{"eq":["phone",${value}]}`), id, value)
    },
  )

  await t.test('on every route that takes a body', async (t) => {
    const bare = ({ status, text }: Answer): string => `${status} ${/"code":"(\w+)"/.exec(text)?.[1]}`
    const all = await everything(service)
    let routes = 0
    for (const { method, url } of allRoutes(service.app).filter((route) =>
      ['POST', 'PATCH', 'PUT'].includes(route.method),
    )) {
      const path = url.replaceAll(/:\w+/g, randomUUID())
      const send = (type: string, body = '{"color":"red","__proto_":1}') =>
        request(method, path, { body, headers: { 'content-type': type } })
      const plain = bare(await send('application/json'))
      for (const type of some(contentTypes, routes++, 5)) {
        const answer = await send(type)
        const said = bare(answer)
        if (said !== plain && !['400', '415'].includes(said.slice(0, 3)))
          t.fail(`${method} ${url} as ${JSON.stringify(type)}: ${said}, not ${plain}`)
      }
      for (const poison of [
        '{"__proto__":{"color":"red"}}',
        '{"constructor":{"prototype":{"color":"red"}}}',
        '{"a":{"\\u005f\\u005fproto__":1}}',
      ]) {
        const { status } = await send('application/json', poison)
        t.ok(refusals.includes(status), `${method} ${url} ${poison}: ${status}`)
      }
    }
    // Refused attempts of known tenants are on record; nothing else has changed.
    t.equal(await everything(service), all)
  })
})
