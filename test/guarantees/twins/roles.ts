import { resources } from '../../../src/resources/index.ts'
import type { TestService } from '../../harness/service.ts'
import type { Actor } from '../house/cast.ts'
import type { House } from '../house/house.ts'
import type { GrantJson } from '../house/oracle.ts'
import { fieldsOf } from '../matrix/fields.ts'
import type { Chance } from './chance.ts'

const conditions: readonly (Readonly<Record<string, unknown>> | null)[] = [
  null,
  null,
  { in: ['country', '$me.countries'] },
  { eq: ['ownerId', '$me.id'] },
  { not: { eq: ['followUpStatus', 'done'] } },
  { or: [{ eq: ['customFields.plan', 'gold'] }, { gt: ['intentScore', 50] }] },
]
const readable = [
  'identities',
  'consent-events',
  'conversations',
  'messages',
  'notes',
  'attachments',
  'members',
  'channels',
  'inbound-events',
  'teams',
  'tags',
]

/** Roles with fields and rows by chance: what nobody would think of. */
export async function madeUpRoles(
  service: TestService,
  house: House,
  chance: Chance,
  definitions: Parameters<typeof fieldsOf>[1],
): Promise<Actor[]> {
  const actors: Actor[] = []
  for (let i = 0; i < 4; i++) {
    const layer: GrantJson[] = []
    for (const resource of resources) {
      const isContacts = resource.name === 'contacts'
      if (!isContacts && (!readable.includes(resource.name) || chance.is(0.2))) continue
      const names = [...fieldsOf(resource, definitions).keys()]
      for (let grants = isContacts ? 2 : 1; grants > 0; grants--) {
        const when = isContacts ? chance.of(conditions) : undefined
        const writable = ['contacts', 'conversations', 'notes'].includes(resource.name)
        layer.push({
          resource: resource.name,
          actions: ['read', ...(writable ? chance.some(['update', 'create', 'delete', 'restore', 'reveal'], 0.6) : [])],
          fields: { read: chance.some(names, 0.35), mask: chance.some(names, 0.4), write: chance.some(names, 0.5) },
          ...(when ? { when } : {}),
        })
      }
    }
    const units = [house.north]
    const { id, token } = await service.member(await service.role(layer), {
      teamIds: [house.dach],
      businessUnitIds: units,
    })
    const me = { id, teamIds: [house.dach], businessUnitIds: units, countries: ['DE', 'AT'] }
    actors.push({ name: `made-up-${i}`, id, token, layers: [layer], me, units })
  }
  return actors
}
