import type { FastifyInstance } from 'fastify'
import { ruled } from '../../db/reference.ts'
import type { Columns } from '../../db/row-changes.ts'
import { json, type SQL } from '../../db/sql.ts'
import { type CollectionOptions, collection } from '../../http/collection.ts'
import type { Change } from '../../http/record-changes.ts'
import type { Deps } from '../../http/records.ts'
import { revealRoute } from '../../http/reveal.ts'
import { veiledOf } from '../../privacy/detection.ts'
import { contactCountry } from '../contacts/country.ts'
import { contacts } from '../contacts/schema.ts'
import { checkAssignment } from '../members/assignment.ts'
import { members } from '../members/schema.ts'
import { messages } from '../messages/schema.ts'
import { catalogueTags } from '../tags/queries.ts'
import { countsRoute } from './counts.ts'
import { markAllRead } from './read-marker.ts'
import { readRoutes } from './read-routes.ts'
import { conversations } from './schema.ts'
import { refuseSecond, startFields } from './start.ts'
import { statusChange } from './status.ts'

const conversationCollection: CollectionOptions = {
  resource: conversations,
  searchable: true,
  include: [
    { name: 'contact', model: contacts, link: 'contactId' },
    { name: 'lastMessage', model: messages, link: 'lastMessageId' },
    { name: 'assignee', model: members, link: 'assigneeId' },
  ],
  given: ({ tx, body }) => startFields(tx, body),
  create: async (change) => {
    const [veiled] = await Promise.all([
      veiledSubject(change),
      refuseSecond(change.tx, change.body),
      checkAssignment(change, conversations, 'assigneeId'),
      catalogueTags(change.tx, change.body),
    ])
    return { veiled }
  },
  change: changed,
}

async function changed(change: Change): Promise<Columns> {
  const { tx, id, body, before, after } = change
  const { faults, columns, wakeAt } = statusChange(before?.clear ?? {}, after, body, new Date())
  if (faults.length > 0) throw ruled(...faults)
  const [veiled] = await Promise.all([
    'subject' in body ? veiledSubject(change) : null,
    'unreadCount' in body ? markAllRead(tx, id) : null,
    checkAssignment(change, conversations, 'assigneeId'),
    catalogueTags(tx, body),
  ])
  if (wakeAt) {
    const { tenantId, region } = tx.principal
    // The time is in the key: a job that waits already keeps its own.
    const key = `wake/${tenantId}/${id}/${wakeAt.toISOString()}`
    await tx.enqueue('wake', key, { tenantId, region, conversationId: id }, wakeAt)
  }
  // A marker is no column of its conversation: the row is written all the same, so that the answer shows what it led to.
  const marked = 'unreadCount' in body ? { state: 'active' } : {}
  return { ...columns, ...marked, ...(veiled ? { veiled } : {}) }
}

async function veiledSubject({ tx, after }: Change): Promise<SQL> {
  const { subject, contactId } = after
  return json(typeof subject === 'string' ? veiledOf({ subject }, await contactCountry(tx, contactId)) : {})
}

export function conversationRoutes(app: FastifyInstance, deps: Deps): void {
  countsRoute(app, deps)
  collection(app, deps, conversationCollection)
  readRoutes(app, deps)
  revealRoute(app, deps, conversations, { field: 'subject', value: 'Call me: +49 170 12345678' })
}
