import { randomUUID } from 'node:crypto'
import { resources } from '../../../src/resources/index.ts'
import { sealAll } from '../../harness/seal.ts'
import type { Row, TestService } from '../../harness/service.ts'
import { whatsappChannel } from '../../resources/ingest/posts.ts'
import { customValues, defineFields } from './custom.ts'
import { type Belonging, person } from './people.ts'
import { idOf, type Place, type Samples, word } from './rows.ts'

/** A tenant with a record of every resource in every place where one can stand, and another tenant beside it. */
export interface House {
  samples: Samples
  /** An id that nothing has. */
  missing: string
  north: string
  south: string
  dach: string
  gaul: string
  /** What is known of the samples: every record as the owner sees it (of another tenant, as that one's owner does). */
  clear(resource: string, place: Place): Promise<Row>
  /** Makes somebody the author of the near note and, a member, the one who looks after the near contact. */
  belongTo(memberId: string): Promise<void>
  otherToken: string
}

const done = async (service: TestService, path: string, body: unknown, token?: string): Promise<Row> => {
  const answer = await service.request('POST', path, { body, ...(token ? { token } : {}) })
  if (answer.status !== 201) throw new Error(`POST ${path} answered ${answer.status}: ${answer.text}`)
  return { ...answer.body, id: answer.id }
}

/** What belongs to a whole tenant, of a place in it. */
async function things(service: TestService, place: Place, token: string): Promise<Record<string, string>> {
  const make = async (path: string, body: unknown): Promise<string> => (await done(service, path, body, token)).id
  const role = await make('/v1/roles', { name: word('Role'), description: word('About'), grants: [] })
  const team = await make('/v1/teams', { name: word('Team'), description: word('About'), countries: ['IT'] })
  const channels = await make('/v1/channels', {
    ...whatsappChannel({ phoneNumberId: String(7e14 + Math.floor(Math.random() * 1e12)) }),
    name: word('Channel'),
    teamId: team,
  })
  return {
    roles: role,
    teams: team,
    tags: await make('/v1/tags', { name: word('Tag'), color: '#e11d48', description: word('About') }),
    'business-units': await make('/v1/business-units', {
      name: word('Unit'),
      legalEntity: word('Legal'),
      establishmentCountry: 'DE',
    }),
    members: await make('/v1/members', {
      email: `${word('colleague').toLowerCase()}@example.com`,
      displayName: word('Colleague'),
      language: 'de',
      timezone: 'Europe/Berlin',
      languages: ['de-AT', 'it'],
      workingHours: { timezone: 'Europe/Vienna', days: { mon: [{ from: '07:11', to: '16:47' }] } },
      isAway: true,
      defaultPurpose: word('Purpose').toLowerCase(),
      teamIds: [team],
      roleIds: [role],
    }),
    'api-keys': await make('/v1/api-keys', {
      name: word('Key'),
      roleIds: [role],
      teamIds: [team],
      defaultPurpose: word('Purpose').toLowerCase(),
      expiresAt: '2036-01-01T00:00:00Z',
    }),
    'custom-fields': await make('/v1/custom-fields', {
      resource: 'contacts',
      key: `spare_${place}`,
      type: 'text',
      labels: { en: word('Label') },
      description: word('About'),
    }),
    channels,
    'routing-rules': await make('/v1/routing-rules', rule({ channelIds: [channels] })),
  }
}

/** A rule that asks about something and does something. */
const rule = (more: Readonly<Record<string, unknown>>) => ({
  name: word('Rule'),
  position: 7,
  event: 'conversation_created',
  when: { eq: ['contact.company', word('Company')] },
  actions: [{ addTag: word('Ruled') }],
  continue: true,
  ...more,
})

/** Prepares it over HTTP where secrets and rules are made, in SQL where times and links must be known. */
export async function prepareHouse(service: TestService): Promise<House> {
  const samples = new Map<string, Map<Place, string>>()
  const keep = (place: Place, ids: Readonly<Record<string, string>>): void => {
    for (const [resource, id] of Object.entries(ids))
      samples.set(resource, (samples.get(resource) ?? new Map<Place, string>()).set(place, id))
  }
  const { request, sql, tenantId } = service
  const north = String((await request('GET', '/v1/business-units')).data[0]?.id)
  const south = (await done(service, '/v1/business-units', { name: 'South' })).id
  const dach = (await done(service, '/v1/teams', { name: 'DACH', countries: ['DE', 'AT'] })).id
  const gaul = (await done(service, '/v1/teams', { name: 'Gaul', countries: ['FR'] })).id
  const other = await service.tenant()
  const otherUnit = String((await request('GET', '/v1/business-units', { token: other.ownerToken })).data[0]?.id)
  for (const place of ['near', 'trashed', 'foreign'] as const)
    keep(place, await things(service, place, place === 'foreign' ? other.ownerToken : service.ownerToken))
  const sample = (resource: string, place: Place): string => samples.get(resource)?.get(place) ?? ''

  const channel = async (unitId: string): Promise<string> =>
    (
      await done(service, '/v1/channels', {
        ...whatsappChannel({ phoneNumberId: String(8e14 + Math.floor(Math.random() * 1e12)) }),
        name: word('Channel'),
        businessUnitId: unitId,
      })
    ).id
  keep('elsewhere', { channels: await channel(south) })
  keep('elsewhere', { 'routing-rules': (await done(service, '/v1/routing-rules', rule({ businessUnitId: south }))).id })
  const to = (place: Place): Belonging =>
    place === 'foreign'
      ? {
          tenantId: other.tenantId,
          token: other.ownerToken,
          unitId: otherUnit,
          channelId: sample('channels', 'foreign'),
          teamId: sample('teams', 'foreign'),
          ownerId: other.ownerId,
          memberId: sample('members', 'foreign'),
        }
      : {
          tenantId,
          token: service.ownerToken,
          unitId: place === 'elsewhere' ? south : north,
          channelId: sample('channels', place === 'elsewhere' ? 'elsewhere' : 'near'),
          teamId: place === 'far' ? gaul : dach,
          ownerId: service.ownerId,
          memberId: sample('members', 'near'),
        }
  const fields = await defineFields(service)
  for (const place of ['near', 'far', 'elsewhere', 'trashed', 'foreign'] as const) {
    const ids = await person(service, place, to(place))
    keep(place, ids)
    const subjects = randomUUID()
    await sql('INSERT INTO app.subject (tenant_id, id) VALUES ($1, $2)', [to(place).tenantId, subjects])
    await sql('UPDATE app.contact SET subject_id = $2 WHERE id = $1', [ids.contacts, subjects])
    keep(place, { subjects })
    if (place !== 'foreign') await customValues(service, String(ids.contacts), to(place).unitId, fields)
    keep(place, { 'audit-events': await event(service, place, to(place).tenantId, String(ids.contacts)) })
  }
  // What is in the trash was put there by its own noun.
  for (const resource of [
    'roles',
    'teams',
    'tags',
    'business-units',
    'members',
    'api-keys',
    'custom-fields',
    'channels',
    'routing-rules',
  ])
    await sql(
      `UPDATE app.${tableOf(resource)} SET state = 'trashed', trashed_at = '2026-03-01T10:03:00Z' WHERE id = $1`,
      [sample(resource, 'trashed')],
    )
  await sql(
    `UPDATE app.channel SET last_event_at = $1, last_sent_at = $1, last_error = 'reauthorise', last_error_at = $1`,
    ['2026-03-01T10:00:00Z'],
  )
  await sql(`UPDATE app.routing_rule SET disabled_reason = 'field_deleted'`)
  await sql(`UPDATE app.member SET last_login_at = '2026-03-01T10:00:00Z', reveal_quota = 100000`)
  await sql(`UPDATE app.member SET reveal_quota = 54321 WHERE id = $1`, [sample('members', 'near')])
  await sql(`UPDATE app.api_key SET reveal_quota = 54321`)
  // So that there is something to prove and to export.
  await sealAll(service)
  for (const { name } of resources)
    if (!samples.has(name))
      throw new Error(`The house has no record of ${name}: add one, or the guarantees leave it out.`)
  return {
    samples,
    missing: randomUUID(),
    north,
    south,
    dach,
    gaul,
    otherToken: other.ownerToken,
    clear: async (resource, place) => {
      const token = place === 'foreign' ? other.ownerToken : service.ownerToken
      const found = await request('GET', `/v1/${resource}/${sample(resource, place)}`, { token })
      if (found.status !== 200) throw new Error(`${resource} ${place}: ${found.text}`)
      return { ...found.body, id: found.id }
    },
    belongTo: async (memberId) => {
      await sql(
        'UPDATE app.contact SET owner_id = $2 WHERE id = $1 AND EXISTS (SELECT FROM app.member WHERE id = $2)',
        [sample('contacts', 'near'), memberId],
      )
      await sql('UPDATE app.note SET author_id = $2 WHERE id = $1', [sample('notes', 'near'), memberId])
      await sql('UPDATE app.conversation SET unread_count = 37')
      // Nobody has read anything: what is unread is the same for all.
      await sql('DELETE FROM app.conversation_read')
    },
  }
}

export const tableOf = (resource: string): string =>
  resource.replace(/s$/, '').replaceAll('-', '_').replace('identitie', 'identity')

/** What somebody once did with a contact. */
async function event(service: TestService, place: Place, tenantId: string, contactId: string): Promise<string> {
  const id = idOf()
  await service.sql(
    `WITH named AS (SELECT $4::jsonb AS shape),
          shaped AS (INSERT INTO audit.shape SELECT $1, audit.shape_id(shape), shape FROM named ON CONFLICT DO NOTHING)
     INSERT INTO audit.event (tenant_id, event_id, occurred_at, actor_kind, actor_id, on_behalf_of, action, resource, shape_id, ids, row_count, outcome, code, purpose, query, cause_id, request_id, ip)
     SELECT $1, $2, '2026-03-01T11:00:00Z', 'member', $3, $3, 'read', 'contacts', audit.shape_id(shape), ARRAY[$5::uuid], 1, 'denied', 'forbidden', $6, '{"q":"x"}', $3, $6, '192.0.2.1' FROM named`,
    [
      tenantId,
      id,
      idOf(),
      JSON.stringify([{ resource: 'contacts', shown: ['displayName'], masked: [] }]),
      contactId,
      `of-${place}-purpose`,
    ],
  )
  return id
}

/** Every sample as its owner sees it, by resource and place. */
export async function clearRows(house: House): Promise<Map<string, Map<Place, Row>>> {
  const rows = new Map<string, Map<Place, Row>>()
  for (const { name } of resources) {
    const byPlace = new Map<Place, Row>()
    for (const place of house.samples.get(name)?.keys() ?? []) byPlace.set(place, await house.clear(name, place))
    rows.set(name, byPlace)
  }
  return rows
}
