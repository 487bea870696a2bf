import { type Answer, startTestService, type TestServiceOptions } from '../harness/service.ts'

/** What no answer to somebody who may not see it may hold. */
export const secret = 'quokka'
export const refusals = [400, 401, 403, 404, 405, 409, 413, 415, 422, 428]

/** What an answer says, without what differs from one request to the next. */
export const told = ({ status, text, headers }: Answer): string =>
  `${status} ${text.replaceAll(String(headers['request-id']), '').replace(/"nextCursor":"[^"]+"/, '')}`

/** A contact whose every hidden field holds the secret, and somebody who sees the rest of it. */
export async function parserWorld(
  t: { teardown(end: () => Promise<void>): unknown },
  options: TestServiceOptions = {},
) {
  const service = await startTestService(t, options)
  const { request, role, member } = service
  const elsewhere = (await request('POST', '/v1/business-units', { body: { name: 'Elsewhere' } })).id
  const person = {
    displayName: 'Anna',
    country: 'DE',
    intentScore: 100,
    phone: '+4917012345678',
    company: `${secret} & co`,
    jobTitle: secret,
    intent: secret,
    source: secret,
    email: `${secret}@example.com`,
    address: { city: secret },
    externalIds: [{ system: 'crm', id: secret }],
  }
  const { id } = await request('POST', '/v1/contacts', { body: person })
  const hidden = (
    await request('POST', '/v1/contacts', { body: { ...person, externalIds: [], businessUnitId: elsewhere } })
  ).id
  const roleId = await role([
    {
      resource: 'contacts',
      actions: ['read', 'update'],
      fields: { read: ['displayName', 'country', 'intentScore'], mask: ['phone'], write: ['displayName'] },
    },
  ])
  const { token } = await member(roleId)
  const other = await service.tenant()
  const foreign = (await request('POST', '/v1/contacts', { token: other.ownerToken, body: { ...person, tags: [] } })).id
  return { service, request, id, hidden, foreign, token }
}

/** Of many ways, some: another some for every n, all of them with FULL=1. */
export const some = <T>(all: readonly T[], n: number, every: number): readonly T[] =>
  process.env.FULL ? all : all.filter((_, i) => (i + n) % every === 0)
