import type { FastifyInstance } from 'fastify'
import type { JsonRow } from '../../db/database.ts'
import { referenced, ruled, unknownReference } from '../../db/reference.ts'
import type { Columns } from '../../db/row-changes.ts'
import { sql } from '../../db/sql.ts'
import { consentEvent } from '../../db/tables/privacy.ts'
import { type CollectionOptions, collection } from '../../http/collection.ts'
import { callerOf } from '../../http/guard.ts'
import { operation } from '../../http/operation.ts'
import type { Change } from '../../http/record-changes.ts'
import type { Deps } from '../../http/records.ts'
import { idParams } from '../../http/schema.ts'
import { type ConsentSource, sealEvidence } from '../../privacy/consent-events.ts'
import { contactKey } from '../../privacy/contact-keys.ts'
import { channels } from '../channels/schema.ts'
import { contacts } from '../contacts/schema.ts'
import { messages } from '../messages/schema.ts'
import { askRules } from '../routing-rules/consent-changed.ts'
import { evidenceFetch } from './evidence.ts'
import { consentEvents, evidenceShape } from './schema.ts'

const consentCollection: CollectionOptions = {
  resource: consentEvents,
  path: '/v1/contacts/:id/consent-events',
  parent: { resource: contacts, scope: (id) => sql`${consentEvent.contactId} = ${id}` },
  include: [
    { name: 'contact', model: contacts, link: 'contactId' },
    { name: 'message', model: messages, link: 'messageId' },
  ],
  given: ({ body, parent }) => ({
    contactId: parent?.clear.id,
    businessUnitId: parent?.clear.businessUnitId,
    source: 'manual' satisfies ConsentSource,
    occurredAt: momentOf(body),
  }),
  create: told,
  created: ({ tx, id, after }) => askRules(tx, id, String(after.businessUnitId)),
  change: false,
}

/** Clocks that are so far apart mean the same moment. */
const skewMs = 60_000

/** Nothing is said in the future: it would hold against whatever is said until then. */
function momentOf({ occurredAt }: JsonRow): string {
  const now = Date.now()
  const said = typeof occurredAt === 'string' ? Date.parse(occurredAt) : now
  if (said > now + skewMs)
    throw ruled({ path: '/occurredAt', code: 'in_the_future', message: 'It cannot have been said yet.' })
  return new Date(Math.min(said, now)).toISOString()
}

async function told({ tx, id, body, after }: Change): Promise<Columns> {
  const { channelId, contactId, businessUnitId } = after
  if (typeof channelId === 'string') {
    const channel = await referenced(tx, channels, channelId)
    if (channel?.businessUnitId !== businessUnitId) throw ruled(unknownReference('/channelId'))
  }
  const key = await contactKey(tx, String(contactId))
  const sealed = sealEvidence(key, id, { text: String(body.evidence) })
  return { sealed_evidence: sealed, key_contact_id: contactId }
}

/** What a contact said about being contacted. It is read, and put down; nobody changes it. */
export function consentEventRoutes(app: FastifyInstance, deps: Deps): void {
  collection(app, deps, consentCollection)

  app.get('/v1/consent-events/:id/evidence', {
    config: { access: { action: 'read', resource: consentEvents.name } },
    schema: operation('consent-events.evidence', 'See the words in which it was said', {
      params: idParams,
      response: { 200: evidenceShape },
      description:
        'For those who may read the field `evidence`. 410 where no words are kept: a link says enough by being used.',
      errors: ['gone'],
    }),
    handler: async (request) => evidenceFetch(deps.db, callerOf(request), idParams.parse(request.params).id),
  })
}
