import type { FastifyInstance } from 'fastify'
import type { Principal } from '../../access/principal.ts'
import { json, type SQL, sql } from '../../db/sql.ts'
import { note } from '../../db/tables/conversation.ts'
import { Problem } from '../../errors.ts'
import { type CollectionOptions, collection } from '../../http/collection.ts'
import type { Change } from '../../http/record-changes.ts'
import type { Deps } from '../../http/records.ts'
import { revealRoute } from '../../http/reveal.ts'
import { veiledOf } from '../../privacy/detection.ts'
import { contactCountry } from '../contacts/country.ts'
import { conversations } from '../conversations/schema.ts'
import { notes } from './schema.ts'

const noteCollection: CollectionOptions = {
  resource: notes,
  path: '/v1/conversations/:id/notes',
  parent: { resource: conversations, scope: (id) => sql`${note.conversationId} = ${id}` },
  searchable: true,
  given: ({ tx, parent }) => ({
    conversationId: parent?.clear.id,
    contactId: parent?.clear.contactId,
    businessUnitId: parent?.clear.businessUnitId,
    ...authorOf(tx.principal),
  }),
  create: async (change) => ({ veiled: await veiledText(change) }),
  change: async (change) => {
    ownOnly(change)
    return 'text' in change.body ? { veiled: await veiledText(change) } : {}
  },
  trash: ownOnly,
  restore: ownOnly,
}

/** The member for whom a key acts is the author, as if without the key. */
const authorOf = (principal: Principal): { authorKind: string; authorId: string } => ({
  authorKind: principal.onBehalfOf === null ? principal.kind : 'member',
  authorId: principal.me.id,
})

/** What somebody wrote stays theirs: only its author changes a note, or who looks after notes. */
function ownOnly({ tx, before }: Change): Record<string, never> {
  const { principal } = tx
  const clear = before?.clear ?? {}
  if (clear.authorId !== principal.me.id && !principal.ability.can('administer', notes, clear))
    throw new Problem('forbidden', { detail: 'Only its author may change a note.' })
  return {}
}

async function veiledText({ tx, after }: Change): Promise<SQL> {
  const { text, contactId } = after
  return json(veiledOf({ text: String(text) }, await contactCountry(tx, contactId)))
}

export function noteRoutes(app: FastifyInstance, deps: Deps): void {
  collection(app, deps, noteCollection)
  revealRoute(app, deps, notes, { field: 'text', value: 'Her number is +49 170 12345678.' })
}
