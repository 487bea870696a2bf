import type { FastifyInstance } from 'fastify'
import { rowsWhere } from '../../access/door.ts'
import type { Columns } from '../../db/row-changes.ts'
import { sql } from '../../db/sql.ts'
import { identity } from '../../db/tables/contact.ts'
import { Problem } from '../../errors.ts'
import { type CollectionOptions, collection } from '../../http/collection.ts'
import type { Change } from '../../http/record-changes.ts'
import type { Deps } from '../../http/records.ts'
import { revealRoute } from '../../http/reveal.ts'
import { faultsOf } from '../../http/schema.ts'
import { contacts } from '../contacts/schema.ts'
import { addressOf } from './address.ts'
import { matchValue } from './match.ts'
import { claimedValue, identities } from './schema.ts'
import { isIdentifying, markAddress } from './shared.ts'

const identityCollection: CollectionOptions = {
  resource: identities,
  path: '/v1/contacts/:id/identities',
  parent: { resource: contacts, scope: (id) => sql`${identity.contactId} = ${id}` },
  given: ({ body, parent }) => ({
    contactId: parent?.clear.id,
    businessUnitId: parent?.clear.businessUnitId,
    value: addressIn(body),
    verified: false,
    isPrimary: false,
    source: 'provided',
  }),
  create: claimed,
  change: async ({ tx, before, after }) => {
    if (before && after.identifying !== before.clear.identifying)
      await markAddress(tx, before.clear, after.identifying === true)
    return {}
  },
  // Another contact may have proved meanwhile that it is theirs.
  errors: { trash: ['in_use'], restore: ['already_exists'] },
  trash: ({ before }) => {
    if (before?.clear.isPrimary === true)
      throw new Problem('in_use', {
        detail: 'This is the contact’s own email or phone: change it at the contact.',
      })
    return {}
  },
}

/** A claim is one of its contact's; another contact may claim the same. */
async function claimed({ tx, after }: Change): Promise<Columns> {
  const match = matchValue(String(after.kind), String(after.value))
  const [known] = await tx.query<{ id: string; visible: boolean }>(
    sql`SELECT id, ${rowsWhere(tx.principal, identities, 'read') || sql`false`} AS visible FROM ${identity}
      WHERE tenant_id = ${tx.principal.tenantId}::uuid AND contact_id = ${after.contactId}::uuid
        AND kind = ${after.kind} AND match_value = ${match} AND state = 'active'`,
  )
  if (known) throw new Problem('already_exists', known.visible ? { extra: { existingId: known.id } } : {})
  const address = addressOf(String(after.kind), String(after.value), '')
  const identifies = await isIdentifying(tx, String(after.businessUnitId), address)
  return { match_value: match, ...(identifies ? {} : { identifying: false }) }
}

/** @throws Problem invalid_request when it is no address of its kind */
function addressIn(body: Change['body']): string {
  const result = claimedValue[body.kind === 'email' ? 'email' : 'phone'].safeParse(body.value)
  if (result.success) return result.data
  throw new Problem('invalid_request', {
    errors: faultsOf(result.error, 'body').map((one) => ({ ...one, path: '/value' })),
  })
}

export function identityRoutes(app: FastifyInstance, deps: Deps): void {
  collection(app, deps, identityCollection)
  revealRoute(app, deps, identities, { field: 'value', value: '+4917012345678' })
}
