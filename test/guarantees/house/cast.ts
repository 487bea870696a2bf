import { resources } from '../../../src/resources/index.ts'
import { builtInRoles } from '../../../src/resources/roles/built-in.ts'
import type { TestService } from '../../harness/service.ts'
import type { House } from './house.ts'
import type { GrantJson, Holder } from './oracle.ts'

/** Somebody who asks, with what their roles say. */
export interface Actor extends Holder {
  name: string
  token: string
  id: string
  isKey?: true
}

const contacts = (rest: Omit<GrantJson, 'resource'>): GrantJson => ({ resource: 'contacts', ...rest })
const basics = ['version', 'displayName', 'country', 'tags', 'businessUnitId']
const inMyCountries = { in: ['country', '$me.countries'] }
const talk = (...names: string[]): GrantJson[] =>
  names.map((resource) => ({ resource, actions: ['read'], fields: { read: ['*'] } }))

/** Roles of a tenant's own making, each for one way in which rights can differ by row, by field and by who asks. */
export const ownRoles: Readonly<Record<string, readonly (readonly GrantJson[])[]>> = {
  // The fields of a row hang on the row: whose it is, where it stands.
  'rows-own': [
    [
      contacts({ actions: ['read'], fields: { read: basics, mask: ['phone', 'email', 'birthDate', 'intentScore'] } }),
      contacts({
        actions: ['read', 'update', 'reveal'],
        fields: { read: ['phone', 'email', 'intent'], write: ['intent', 'followUpStatus', 'phone'] },
        when: { eq: ['ownerId', '$me.id'] },
      }),
      ...talk('identities', 'consent-events', 'conversations', 'messages', 'notes'),
    ],
  ],
  'mask-only': [
    [
      contacts({
        actions: ['read', 'update', 'reveal'],
        fields: { mask: ['*'], write: ['displayName', 'phone', 'birthDate'] },
      }),
      { resource: 'identities', actions: ['read'], fields: { mask: ['*'] } },
      { resource: 'consent-events', actions: ['read'], fields: { mask: ['*'] } },
      { resource: 'conversations', actions: ['read'], fields: { mask: ['*'] } },
      { resource: 'messages', actions: ['read'], fields: { mask: ['*'] } },
      { resource: 'notes', actions: ['read'], fields: { mask: ['*'] } },
      { resource: 'members', actions: ['read'], fields: { mask: ['*'] } },
      { resource: 'attachments', actions: ['read'], fields: { mask: ['*'] } },
    ],
  ],
  'write-only': [
    [
      contacts({ actions: ['read', 'create', 'update'], fields: { write: ['*'] } }),
      { resource: 'notes', actions: ['create'], fields: { write: ['*'] } },
      { resource: 'consent-events', actions: ['create'], fields: { write: ['*'] } },
      { resource: 'conversations', actions: ['read', 'update'], fields: { write: ['*'] } },
    ],
  ],
  // Two roles add up row by row, never the fields of one with the rows of the other.
  'two-roles': [
    [
      contacts({
        actions: ['read', 'update'],
        fields: { read: basics, write: ['tags', 'jobTitle'] },
        when: inMyCountries,
      }),
      contacts({
        actions: ['read', 'update'],
        fields: {
          read: ['phone', 'followUpStatus', 'version'],
          mask: ['displayName', 'email'],
          write: ['followUpStatus'],
        },
        when: { eq: ['followUpStatus', 'done'] },
      }),
    ],
  ],
  countries: [
    [
      contacts({
        actions: ['read', 'create', 'update', 'delete', 'restore'],
        fields: { read: ['*'], write: ['*'] },
        when: inMyCountries,
      }),
      ...talk('identities', 'consent-events'),
      {
        resource: 'conversations',
        actions: ['read'],
        fields: { read: ['*'] },
        when: { in: ['teamId', '$me.teamIds'] },
      },
      ...talk('messages', 'attachments'),
    ],
  ],
  custom: [
    [
      contacts({
        actions: ['read', 'update', 'reveal'],
        fields: {
          read: ['displayName', 'customFields', 'customFields.nickname'],
          mask: ['customFields.otherPhone', 'customFields.salary', 'customFields.hiredOn', 'customFields.smoker'],
          write: ['customFields', 'customFields.diagnosis', 'customFields.plan'],
        },
      }),
      ...talk('custom-fields'),
    ],
  ],
  'custom-rows': [
    [
      contacts({
        actions: ['read'],
        fields: {
          read: ['displayName', 'customFields.nickname', 'customFields.shoeSize'],
          mask: ['customFields.diagnosis'],
        },
        when: { eq: ['customFields.plan', 'gold'] },
      }),
      contacts({ actions: ['read'], fields: { read: ['customFields.salary'] }, when: { eq: ['ownerId', '$me.id'] } }),
    ],
  ],
}

/** The cast: whom the guarantees are tried on. */
export async function castOf(service: TestService, house: House): Promise<Actor[]> {
  const { request } = service
  const roles = (await request('GET', '/v1/roles?limit=200')).data
  const grantsOf = (name: string): GrantJson[] => {
    const grants = roles.find((role) => role.builtIn === name)?.grants
    return Array.isArray(grants) ? grants : []
  }
  const me = (id: string, businessUnitIds: readonly string[], teamIds = [house.dach], countries = ['DE', 'AT']) => ({
    id,
    teamIds,
    businessUnitIds,
    countries,
  })
  const member = async (roleIds: readonly string[], units: readonly string[]) =>
    service.member(roleIds, { teamIds: [house.dach], businessUnitIds: units, revealQuota: 100_000 })

  const cast: Actor[] = []
  for (const { name, seesAllBusinessUnits } of builtInRoles(resources.map((resource) => resource.name))) {
    const { id, token } = await member([name], [house.north])
    const units = seesAllBusinessUnits ? '*' : [house.north]
    cast.push({ name, id, token, layers: [grantsOf(name)], me: me(id, [house.north]), units })
  }
  const made = new Map<string, string[]>()
  for (const [name, layers] of Object.entries(ownRoles)) {
    // Each grant a role of its own where the point is that roles add up.
    const [grants = []] = layers
    const parts = name === 'two-roles' ? grants.map((grant) => [grant]) : [grants]
    const ids: string[] = []
    for (const part of parts) ids.push(await service.role(part))
    made.set(name, ids)
    const { id, token } = await member(ids, [house.north])
    cast.push({ name: `own-${name}`, id, token, layers, me: me(id, [house.north]), units: [house.north] })
  }
  const south = await member(['agent'], [house.south])
  cast.push({
    name: 'agent-elsewhere',
    ...south,
    layers: [grantsOf('agent')],
    me: me(south.id, [house.south]),
    units: [house.south],
  })

  // A key asks for itself, and for a member: then with the rights that both have.
  const sales = String(roles.find((role) => role.builtIn === 'sales')?.id)
  const forward = await service.role([
    { resource: 'members', actions: ['impersonate', 'read'], fields: { read: ['displayName'] } },
    {
      resource: 'contacts',
      actions: ['read', 'update', 'reveal'],
      fields: { read: ['displayName', 'phone', 'intent'], mask: ['email', 'birthDate'], write: ['intent', 'tags'] },
    },
    { resource: 'conversations', actions: ['read'], fields: { read: ['status', 'contactId'] } },
  ])
  const body = {
    name: 'for others',
    roleIds: [sales],
    teamIds: [house.dach],
    businessUnitIds: [house.north],
    revealQuota: 100_000,
  }
  const key = await request('POST', '/v1/api-keys', { body })
  cast.push({
    name: 'key-sales',
    isKey: true,
    id: key.id,
    token: key.string('key'),
    layers: [grantsOf('sales')],
    me: me(key.id, [house.north]),
    units: [house.north],
  })
  const acting = await request('POST', '/v1/api-keys', { body: { ...body, roleIds: [forward] } })
  const agent = cast.find(({ name }) => name === 'agent')
  if (!agent) throw new Error('no agent')
  const exchanged = await request('POST', '/v1/sessions/exchange', {
    token: acting.string('key'),
    body: { memberId: agent.id },
  })
  const forwarded = (await request('GET', `/v1/roles/${forward}`)).body.grants
  cast.push({
    name: 'key-for-agent',
    isKey: true,
    id: agent.id,
    token: exchanged.string('accessToken'),
    layers: [grantsOf('agent'), Array.isArray(forwarded) ? forwarded : []],
    me: agent.me,
    units: [house.north],
  })
  return cast
}
