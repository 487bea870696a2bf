import { randomUUID } from 'node:crypto'
import t from 'tap'
import { allRoutes } from '../harness/routes.ts'
import { everything } from '../http/raw.ts'
import { parserWorld, refusals, secret, some, told } from './parsers-world.ts'
import { idSpellings } from './spellings.ts'

t.test('however an id, a value or a method is written, it leads to the same record or to none', async (t) => {
  const { service, request, id, hidden, foreign, token } = await parserWorld(t)
  const { app } = service
  const before = await everything(service)
  const routes = allRoutes(app).filter(({ method, url }) => url.includes('/:id') && !['POST', 'HEAD'].includes(method))
  t.ok(routes.length > 25, `${routes.length} routes`)
  for (const [n, { method, url }] of routes.entries()) {
    const send = (written: string) =>
      request(method, url.replace(':id', written), { token, ...(method === 'PATCH' ? { body: {} } : {}) })
    const gone = told(await send(randomUUID()))
    for (const one of [hidden, foreign]) {
      t.equal(told(await send(one)), gone, `${method} ${url}: like none`)
      const { same, none } = idSpellings(one)
      for (const written of some(same, n, 2)) t.equal(told(await send(written)), gone, `${method} ${url}: ${written}`)
      for (const written of some(none, n, one === hidden ? 4 : 12)) {
        const { status } = await send(written)
        if (!refusals.includes(status)) t.fail(`${method} ${url.replace(':id', written)} answers ${status}`)
      }
    }
  }
  const plain = told(await request('GET', `/v1/contacts/${id}`, { token }))
  t.match(plain, /^200/)
  for (const written of idSpellings(id).same)
    t.equal(told(await request('GET', `/v1/contacts/${written}`, { token })), plain, written)
  for (const written of idSpellings(id).none)
    t.match(told(await request('GET', `/v1/contacts/${written}`, { token })), /^40[04]/, written)

  await t.test('a header does not make it another request', async (t) => {
    for (const headers of [
      { 'x-http-method-override': 'DELETE' },
      { 'x-http-method': 'DELETE' },
      { 'x-method-override': 'PATCH' },
      { 'x-original-url': '/v1/roles' },
      { 'x-rewrite-url': '/v1/roles' },
      { 'x-forwarded-prefix': '/v1/roles' },
      { 'x-forwarded-uri': `/v1/contacts/${hidden}` },
      { 'x-tenant-id': foreign, 'x-business-unit-id': hidden },
      { 'x-forwarded-for': '127.0.0.1', 'x-real-ip': '127.0.0.1', forwarded: 'for=127.0.0.1' },
      { accept: 'text/csv' },
      { accept: 'application/vnd.internal+json' },
      { 'content-type': 'text/plain' },
      { prefer: 'return=minimal', 'accept-profile': 'audit' },
      { expect: 'x' },
      { upgrade: 'h2c' },
    ] as Record<string, string>[])
      t.equal(told(await request('GET', `/v1/contacts/${id}`, { token, headers })), plain, JSON.stringify(headers))
    for (const query of [
      '?_method=DELETE',
      '?fields=company',
      '?select=*',
      '?include=owner',
      '?expand=company',
      '?tenantId=x',
      '?id=x',
    ])
      t.ok(refusals.concat(200).includes((await request('GET', `/v1/contacts/${id}${query}`, { token })).status), query)
    for (const { url } of allRoutes(app).filter((route) => route.method === 'GET' && route.url.startsWith('/v1/'))) {
      const path = url.replaceAll(/:\w+/g, id)
      const [get, head, options] = [
        await request('GET', path, { token }),
        await request('HEAD', path, { token }),
        await request('OPTIONS', path, { token }),
      ]
      // A page's preflight asks the channel, and there is none; a stream has no head.
      if (url.startsWith('/v1/webchat/')) {
        t.same([options.status, head.text], [get.status, ''], `HEAD and OPTIONS of ${url}`)
        t.ok([get.status, 405].includes(head.status), url)
        t.notMatch(`${get.text}${options.text}`, secret, url)
        continue
      }
      t.same([head.status, head.text, options.text], [get.status, '', ''], `HEAD and OPTIONS of ${url}`)
      t.notMatch(get.text, secret, url)
    }
  })

  await t.test('a number, a truth and a limit are written in one way', async (t) => {
    const ask = async (query: string): Promise<string> => told(await request('GET', `/v1/contacts?${query}`, { token }))
    const found = await ask('intentScore=100')
    t.match(found, id)
    for (const same of ['1e2', '100.0', '1.0e2', '1E2']) t.equal(await ask(`intentScore=${same}`), found, same)
    for (const none of [
      '0x64',
      '0b1100100',
      '0144',
      '+100',
      '%2B100',
      '100%20',
      '%20100',
      '100n',
      '1_00',
      '100%00',
      '１００',
      '١٠٠',
      'Infinity',
      'NaN',
      'true',
      'null',
      '[100]',
      '100,100',
      '',
      '1e400',
      '-',
      '.',
      '1e',
    ])
      t.match(await ask(`intentScore=${none}`), /^400/, none)
    for (const none of ['TRUE', 'True', '1', 'yes', 'on', '', 'true%20', '"true"', 'null', 'ｔｒｕｅ']) {
      t.match(await ask(`trashed=${none}`), /^400/, `trashed=${none}`)
      t.match(await ask(`country[exists]=${none}`), /^400/, `exists=${none}`)
    }
    for (const none of [
      '0x10',
      '1e1',
      '+5',
      '05',
      '5.0',
      '５',
      '-1',
      '0',
      '201',
      '1000',
      '',
      '5%20',
      '5,5',
      'all',
      'null',
    ])
      t.match(await ask(`limit=${none}`), /^400/, `limit=${none}`)
    for (const where of ['"100"', '[100]', 'true', 'null', '{"$gt":0}', '"1e2"'])
      t.match(
        told(
          await request('POST', '/v1/contacts/search', { token, body: `{"where":{"eq":["intentScore",${where}]}}` }),
        ),
        /^400/,
        where,
      )
  })
  t.equal(await everything(service), before)
})
