import { type JsonObject, type JsonValue, listAt, objectAt, textAt } from '../json.ts'
import type { Identity, Party } from '../neutral.ts'
import { phoneOf } from '../phone.ts'

/**
 * Who a WhatsApp event is about. Since 2026 a person has a phone (`wa_id`), a business-scoped user id
 * (BSUID, "US.1349…") and perhaps a parent BSUID ("US.ENT.…"); people with a username may come without
 * the phone. All three are the provider's word, hence verified.
 */
export interface Ids {
  phone?: string | undefined
  bsuid?: string | undefined
  parentBsuid?: string | undefined
}

const BSUID = /^[A-Z]{2}\.(?:ENT\.)?[A-Za-z0-9]+$/

/** Some fields hold a phone or a BSUID, whichever the sender has. */
export function idsOf(ids: Ids): Ids {
  const misplaced = ids.phone !== undefined && isBsuid(ids.phone)
  return misplaced ? { ...ids, phone: undefined, bsuid: ids.bsuid ?? ids.phone } : ids
}

export function isBsuid(text: string): boolean {
  return BSUID.test(text)
}

/** The names of the same three ids differ from event to event: `prefix` is "from_", "to_", "recipient_". */
export function idsAt(item: JsonValue, phoneKey: string, prefix: string): Ids {
  return idsOf({
    phone: textAt(item, phoneKey),
    bsuid: textAt(item, `${prefix}user_id`),
    parentBsuid: textAt(item, `${prefix}parent_user_id`) ?? textAt(item, `parent_${prefix}user_id`),
  })
}

/** wa_id first (both ways of sending take it), then BSUID, its parent, and the phone that a wa_id also is. */
export function identitiesOf(ids: Ids): Identity[] {
  const identities: Identity[] = []
  if (ids.phone !== undefined) identities.push({ kind: 'whatsapp', value: ids.phone, verified: true })
  if (ids.bsuid !== undefined) identities.push({ kind: 'whatsapp_bsuid', value: ids.bsuid, verified: true })
  if (ids.parentBsuid !== undefined)
    identities.push({ kind: 'whatsapp_parent_bsuid', value: ids.parentBsuid, verified: true })
  const e164 = ids.phone === undefined ? undefined : phoneOf(ids.phone)
  if (e164 !== undefined) identities.push({ kind: 'phone', value: e164, verified: true })
  return identities
}

/**
 * The person with these ids, completed from the `contacts` beside them. The only contact gives its
 * name even when its ids differ (Meta: wa_id and phone "may not always match"), but never its ids:
 * guessing there would merge two strangers by "verified" identities.
 */
export function partyOf(ids: Ids, contacts: JsonValue[]): Party {
  const contact = contactOf(ids, contacts)
  const own = contact === undefined ? {} : contactIds(contact)
  const all: Ids = {
    phone: own.phone ?? ids.phone,
    bsuid: ids.bsuid ?? own.bsuid,
    parentBsuid: ids.parentBsuid ?? own.parentBsuid,
  }
  const party: Party = { identities: identitiesOf(all) }
  const profile = contact ?? (contacts.length === 1 ? contacts[0] : undefined)
  const displayName = textAt(profile, 'profile', 'name')
  const username = textAt(profile, 'profile', 'username') ?? textAt(profile, 'username')
  const phone = all.phone === undefined ? undefined : phoneOf(all.phone)
  if (displayName !== undefined) party.displayName = displayName
  if (username !== undefined) party.username = username
  if (phone !== undefined) party.phone = phone
  return party
}

/** The contact entry that is the person with these ids. */
export function contactOf(ids: Ids, contacts: JsonValue[]): JsonObject | undefined {
  const entries = contacts.map((contact) => objectAt(contact))
  const same = entries.find((entry) => samePerson(ids, contactIds(entry)))
  if (same !== undefined) return same
  const nothingKnown = ids.phone === undefined && ids.bsuid === undefined && ids.parentBsuid === undefined
  return nothingKnown && entries.length === 1 ? entries[0] : undefined
}

function contactIds(contact: JsonObject): Ids {
  return idsOf({
    phone: textAt(contact, 'wa_id'),
    bsuid: textAt(contact, 'user_id'),
    parentBsuid: textAt(contact, 'parent_user_id'),
  })
}

/** A shared parent BSUID is no proof against different BSUIDs, so it is looked at last. */
function samePerson(a: Ids, b: Ids): boolean {
  if (a.bsuid !== undefined && b.bsuid !== undefined) return a.bsuid === b.bsuid
  if (a.phone !== undefined && b.phone !== undefined) return comparablePhone(a.phone) === comparablePhone(b.phone)
  return a.parentBsuid !== undefined && a.parentBsuid === b.parentBsuid
}

function comparablePhone(phone: string): string {
  return phoneOf(phone.replace(/[^\d]/g, '')) ?? phone
}

/**
 * The lane of a person: the BSUID, which messages, statuses and echoes all carry since 2026, before the
 * phone, which they may lack; the phone in canonical form, since `from` and `recipient_id` may spell it apart.
 */
export function laneOf(party: Party): string | null {
  const byKind = (kind: Identity['kind']) => party.identities.find((identity) => identity.kind === kind)?.value
  return byKind('whatsapp_bsuid') ?? byKind('phone') ?? byKind('whatsapp') ?? byKind('whatsapp_parent_bsuid') ?? null
}

/** The business itself, as `metadata` names it. */
export function businessOf(value: JsonValue | undefined): Party {
  const display = textAt(value, 'metadata', 'display_phone_number')
  const phone = display === undefined ? undefined : phoneOf(display.replace(/[^\d]/g, ''))
  return phone === undefined
    ? { identities: [] }
    : { identities: [{ kind: 'phone', value: phone, verified: true }], phone }
}

/** Whether an id is the business's own number, however it is written. */
export function isBusiness(value: JsonValue | undefined, id: string | undefined): boolean {
  const display = textAt(value, 'metadata', 'display_phone_number')
  return id !== undefined && display !== undefined && comparablePhone(id) === comparablePhone(display)
}

/**
 * The customer of a message that may have come from either side. The provider's echoes are not
 * consistent in which of `from` and `to` is the business, so it is told by the business's own number.
 */
export function counterpartyOf(value: JsonValue, item: JsonValue): Party {
  const to = idsAt(item, 'to', 'to_')
  const from = idsAt(item, 'from', 'from_')
  const toIsCustomer = (to.phone ?? to.bsuid) !== undefined && !isBusiness(value, to.phone)
  const fromIsCustomer = (from.phone ?? from.bsuid) !== undefined && !isBusiness(value, from.phone)
  const ids = toIsCustomer ? to : isBusiness(value, to.phone) && fromIsCustomer ? from : {}
  return partyOf(ids, listAt(value, 'contacts'))
}
