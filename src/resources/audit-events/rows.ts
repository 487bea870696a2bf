import type { SQL } from 'drizzle-orm/sql/sql'
import type { Principal } from '../../access/principal.ts'
import { sql } from '../../db/sql.ts'
import { readableEvent } from '../../db/tables/audit.ts'
import { contact } from '../../db/tables/contact.ts'

/** What belongs to the whole tenant: who touches it is no secret of a business unit. */
const tenantWide = ['members', 'roles', 'teams', 'tags', 'api-keys', 'business-units', 'sessions']
/** What is always about a contact: the unit of the contact is the unit of all that was touched. */
const ofContacts = ['contacts', 'identities', 'conversations', 'messages', 'notes', 'consent-events']
/** What goes with an erased contact, and with nobody else. */
const erasedWith = ['attachments', 'inbound-events', 'erasures']
/** What goes with a contact into another one of the same unit. */
const mergedWith = ['attachments', 'inbound-events']

/**
 * Which events a principal sees that does not see all business units; null = all of them. An event has no unit: its
 * contacts have. Whatever cannot be shown to lie in the principal's units is hidden, also when it is gone by now.
 */
export function eventRows(principal: Principal): SQL | null {
  if (principal.units === '*') return null
  const units = sql`${sql.param([...principal.units])}::uuid[]`
  const { tenantId, actorKind, actorId, onBehalfOf, action, resource, touched, subjectIds } = readableEvent
  // Another one's row or a row without a contact (a channel, an event of nobody yet) would lend its unit to no one.
  const only = (resources: SQL): SQL => sql`NOT EXISTS (SELECT FROM jsonb_array_elements(${touched}) AS part
    WHERE part->'ids' <> '[]' AND part->>'resource' <> ALL (${resources}))`
  const wide = sql`${sql.param(tenantWide)}::text[]`
  // Processing what came in is about one sender of one channel; any other look at events may be across channels.
  const both = sql`CASE WHEN ${action} = 'merge' AND ${resource} = 'contacts' THEN ${sql.param([...tenantWide, ...ofContacts, ...mergedWith])}::text[]
    WHEN ${action} = 'erase' AND ${resource} = 'contacts' THEN ${sql.param([...tenantWide, ...ofContacts, ...erasedWith])}::text[]
    WHEN ${actorKind} = 'system' THEN ${sql.param([...tenantWide, ...ofContacts, 'inbound-events'])}::text[]
    ELSE ${sql.param([...tenantWide, ...ofContacts])}::text[] END`
  const foreign = sql`EXISTS (SELECT FROM unnest(${subjectIds}) AS subject(id) WHERE NOT EXISTS (SELECT FROM ${contact}
    WHERE ${contact.tenantId} = ${tenantId} AND ${contact.id} = subject.id AND ${contact.businessUnitId} = ANY (${units})))`
  const seen = sql`CASE WHEN ${subjectIds} = '{}' THEN ${resource} = ANY (${wide}) AND ${only(wide)} ELSE ${only(both)} AND NOT ${foreign} END`
  if (principal.id === null) return sql`(${seen})`
  const id = sql`${sql.param(principal.id)}::uuid`
  // A key that acts for a member has nothing to do with what it did for others.
  const own =
    principal.onBehalfOf === null
      ? sql`(${actorId} = ${id} OR ${onBehalfOf} = ${id})`
      : sql`(${actorId} = ${id} AND ${onBehalfOf} = ${sql.param(principal.onBehalfOf)}::uuid)`
  return sql`(${own} OR ${seen})`
}
