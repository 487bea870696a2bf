import type { TenantKeys } from '../privacy/keyring.ts'
import type { AuditEntry, Meta, Touched } from './audit-event.ts'
import { type SQL, sql } from './sql.ts'

/** What people say about an access beside its purpose; free text, so it is kept sealed in the audit event. */
export interface Note {
  reason?: string
  /** Where it was asked for: the reference of a ticket. */
  ticket?: string
}

/**
 * The note of an event about one contact is sealed under the contact's key and goes with it, any other under the
 * tenant's; both are bound to their event. Which one it is, opening it tells: AES-GCM opens under no other key.
 */
const contexts = {
  event: (eventId: string): string => `note/${eventId}`,
  contact: (eventId: string, contactId: string): string => `note/${eventId}/contacts/${contactId}`,
}

type Query = <T>(statement: SQL) => Promise<T[]>

/** @param contact whom the event is about, where it is one that has a key */
export function sealNote(
  keys: TenantKeys,
  eventId: string,
  note: Note,
  contact: { id: string; wrapped: Buffer } | null,
): Buffer {
  const text = JSON.stringify(note)
  return contact
    ? keys.contact(contact.id, contact.wrapped).seal(text, contexts.contact(eventId, contact.id))
    : keys.seal(text, contexts.event(eventId))
}

/** Everything that is said beside an access; null: nothing is. */
export const noteOf = ({ note }: AuditEntry, { ticket }: Meta): Note | null =>
  note || ticket ? { ...note, ...(ticket ? { ticket } : {}) } : null

/** The note of an event that is about no contact, or of which nobody knows yet; null: nothing is said. */
export function noteForEvent(entry: AuditEntry, meta: Meta, eventId: string): Buffer | null {
  const note = noteOf(entry, meta)
  return note && sealNote(keysOf(meta), eventId, note, null)
}

/** The keys for what a request says. */
export function keysOf({ keys }: Meta): TenantKeys {
  if (!keys) throw new Error('a note without a key to seal it under')
  return keys()
}

/**
 * The note of an event of which is known what it touched: where that is about one contact that has a key, under that.
 * @param setting `made`: the keys of contacts that a change makes, which are stored behind them
 */
export async function noteForTouched(
  entry: AuditEntry,
  meta: Meta,
  eventId: string,
  touched: readonly Touched[],
  setting: { tenantId: string; keys: () => TenantKeys; made?: ReadonlyMap<string, Buffer>; query: Query },
): Promise<Buffer | null> {
  const note = noteOf(entry, meta)
  if (!note) return null
  const { tenantId, keys, made, query } = setting
  const concerned = touched.flatMap((one) => [
    ...(one.subjectIds ?? []),
    ...(one.resource === 'contacts' ? one.ids : []),
  ])
  const [id, ...others] = new Set(concerned.filter((one) => one !== null))
  // What came along with the row is not asked: this transaction may have destroyed it since.
  const wrapped =
    id === undefined || others.length > 0 ? undefined : (made?.get(id) ?? (await storedKey(tenantId, id, query)))
  return sealNote(keys(), eventId, note, id !== undefined && wrapped ? { id, wrapped } : null)
}

export async function storedKey(tenantId: string, contactId: string, query: Query): Promise<Buffer | undefined> {
  const [row] = await query<{ wrapped_key: Buffer }>(
    sql`SELECT wrapped_key FROM app.contact_key WHERE tenant_id = ${tenantId}::uuid AND contact_id = ${contactId}::uuid`,
  )
  return row?.wrapped_key
}

/**
 * Opens the note of an event. null: the key that it was sealed under is gone, the contact's with the contact.
 * @param contact the event's contact and its wrapped key, where it has one
 */
export function openNote(
  keys: TenantKeys,
  event: { id: string; sealed: Buffer },
  contact: { id: string; wrapped: Buffer } | null,
): Note | null {
  const ways = [
    () => keys.open(event.sealed, contexts.event(event.id)),
    ...(contact
      ? [() => keys.contact(contact.id, contact.wrapped).open(event.sealed, contexts.contact(event.id, contact.id))]
      : []),
  ]
  for (const way of ways)
    try {
      return JSON.parse(way().toString('utf8'))
    } catch {
      // Another key.
    }
  return null
}
