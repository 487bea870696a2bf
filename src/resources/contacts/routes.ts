import type { FastifyInstance } from 'fastify'
import { type CollectionOptions, collection } from '../../http/collection.ts'
import type { Change } from '../../http/record-changes.ts'
import type { Deps } from '../../http/records.ts'
import { revealRoute } from '../../http/reveal.ts'
import { writeCustomValues } from '../custom-fields/write.ts'
import { checkAssignment } from '../members/assignment.ts'
import { broughtValues } from '../merges/origins.ts'
import { catalogueTags } from '../tags/queries.ts'
import { externalIds, primaryIdentities, residenceColumns } from './addresses.ts'
import { eraseRoute } from './erase.ts'
import { contacts } from './schema.ts'

const rowOf = ({ id, after }: Change): { id: string; businessUnitId: string } => ({
  id,
  businessUnitId: String(after.businessUnitId),
})

export const contactCollection: CollectionOptions = {
  resource: contacts,
  searchable: true,
  create: async (change) => {
    await Promise.all([
      checkAssignment(change, contacts, 'ownerId'),
      catalogueTags(change.tx, change.body),
      writeCustomValues(change, contacts),
    ])
    const { displayName, givenName, familyName, email } = change.after
    // A contact always has something to be called by.
    const name = displayName ?? ([givenName, familyName].filter((part) => typeof part === 'string').join(' ') || null)
    return {
      ...residenceColumns(change.after, change.body),
      ...(name === null && email === undefined ? {} : { display_name: name }),
    }
  },
  created: async (change) => {
    await Promise.all([
      primaryIdentities(change.tx, rowOf(change), change.body),
      externalIds(change.tx, rowOf(change), change.body, true),
    ])
  },
  change: async (change) => {
    await Promise.all([
      checkAssignment(change, contacts, 'ownerId'),
      primaryIdentities(change.tx, rowOf(change), change.body),
      externalIds(change.tx, rowOf(change), change.body, false),
      catalogueTags(change.tx, change.body),
      writeCustomValues(change, contacts),
    ])
    return residenceColumns(change.after, change.body)
  },
  parted: ({ tx, id }) => broughtValues(tx, id),
}

export function contactRoutes(app: FastifyInstance, deps: Deps): void {
  collection(app, deps, contactCollection)
  revealRoute(app, deps, contacts, { field: 'phone', value: '+4917012345678' })
  eraseRoute(app, deps)
}
