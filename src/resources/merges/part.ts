import { randomUUIDv7 } from 'node:crypto'
import { type Touched, touches, type Versioned } from '../../db/audit-event.ts'
import type { Tx } from '../../db/database.ts'
import { array, type SQL, sql } from '../../db/sql.ts'
import { contactKey } from '../../privacy/contact-keys.ts'
import { keyContext } from '../attachments/queries.ts'
import { payloadContext } from '../inbound-events/payload.ts'
import { giveAll, given } from './move.ts'
import { partConsents } from './part-consents.ts'
import type { MergeRecord } from './record.ts'
import { recountAll } from './recount.ts'

/** How many rows went back. */
export interface Parted {
  identities: number
  conversations: number
  messages: number
  notes: number
  attachments: number
  consents: number
}

/**
 * Gives back what a merge has moved, and what has come to it since: addresses that were met with its own, conversations
 * at them, and every single message that came from one of them, wherever it was put. What was said at the other one's
 * own addresses stays there. Both contacts are locked and active.
 * @param others the other merges of the same contact
 */
export async function partRows(tx: Tx, merge: MergeRecord, others: readonly MergeRecord[]): Promise<Parted> {
  const { contactId: from, mergedId: to, moved } = merge
  const tenant = sql`r.tenant_id = ${tx.principal.tenantId}::uuid AND r.contact_id = ${from}::uuid`
  const addresses = await addressesBack(tx, merge, others)
  const elsewhere = [...moved.ours.conversations, ...others.flatMap((one) => one.moved.conversations)]
  const talks = await idsOf(
    tx,
    sql`SELECT r.id FROM app.conversation AS r WHERE ${tenant} AND (r.id = ANY (${array(moved.conversations, 'uuid')})
      OR r.identity_id = ANY (${array(addresses, 'uuid')}) AND NOT r.id = ANY (${array(elsewhere, 'uuid')}))`,
  )
  const givenBack = {
    identities: await giveAll(tx, 'identity', among(addresses), to),
    conversations: await giveAll(tx, 'conversation', among(talks), to),
  }
  await restorePrimary(tx, merge)
  const strays = await partStrays(tx, merge, addresses, talks)
  const theirs = sql`r.conversation_id = ANY (${array([...talks, ...strays.theirs], 'uuid')})`
  const still = sql`r.contact_id = ${from}::uuid`
  const said = {
    messages: await giveAll(tx, 'message', sql`${still} AND ${inGroup(saidInGroup(addresses, talks), theirs)}`, to),
    notes: await giveAll(tx, 'note', sql`${still} AND ${theirs}`, to),
    attachments: await giveAll(tx, 'attachment', sql`${still} AND ${inGroup(ofMessageOf(to), theirs)}`, to),
  }
  // What came from the other one's addresses into a conversation that goes.
  const back = sql`r.contact_id = ${to}::uuid AND r.conversation_id = ANY (${array(strays.ours, 'uuid')})`
  for (const table of ['message', 'attachment'] as const)
    for (const one of given(`${table}s`, await giveAll(tx, table, back, from), from)) tx.touch(one)
  await recountAll(tx, strays.changed)
  for (const one of [
    ...given('identities', givenBack.identities, to),
    ...given('conversations', givenBack.conversations, to),
    ...given('messages', said.messages, to),
    ...given('notes', said.notes, to),
    ...given('attachments', said.attachments, to),
  ])
    tx.touch(one)
  await rewrapFiles(tx, from, to)
  await rewrapFiles(tx, to, from)
  const consents = await partConsents(tx, merge, others, addresses)
  await resealEvents(tx, from, to, consents)
  return {
    identities: givenBack.identities.length,
    conversations: givenBack.conversations.length,
    messages: said.messages.length,
    notes: said.notes.length,
    attachments: said.attachments.length,
    consents: consents.length,
  }
}

/** A condition for rows that are in a group's conversation, and one for all others. */
const inGroup = (within: SQL, otherwise: SQL): SQL =>
  sql`CASE WHEN EXISTS (SELECT FROM app.conversation k WHERE k.tenant_id = r.tenant_id AND k.id = r.conversation_id AND k.is_group) THEN ${within} ELSE ${otherwise} END`

/**
 * Which messages of a group are those of the contact with these addresses, whosever the conversation is: what was said
 * from one of them, and our answers to that. What nobody says belongs to whom the conversation belongs to.
 */
function saidInGroup(addresses: readonly string[], talks: readonly string[]): SQL {
  const answered = sql`(SELECT p.identity_id FROM app.message p WHERE p.tenant_id = r.tenant_id AND p.id = r.reply_to_id)`
  const who = sql`coalesce(r.identity_id, CASE WHEN r.direction = 'outbound' THEN ${answered} END)`
  return sql`coalesce(${who} = ANY (${array(addresses, 'uuid')}), r.conversation_id = ANY (${array(talks, 'uuid')}))`
}

const ofMessageOf = (contactId: string): SQL =>
  sql`EXISTS (SELECT FROM app.message m WHERE m.tenant_id = r.tenant_id AND m.id = r.message_id AND m.contact_id = ${contactId}::uuid)`

const among = (ids: readonly string[]): SQL => sql`r.id = ANY (${array(ids, 'uuid')})`

async function idsOf(tx: Tx, statement: SQL): Promise<string[]> {
  return (await tx.query<{ id: string }>(statement)).map((row) => row.id)
}

/** The addresses that had moved, and those that were met with one of them since. */
async function addressesBack(
  tx: Tx,
  { contactId, moved }: MergeRecord,
  others: readonly MergeRecord[],
): Promise<string[]> {
  const elsewhere = [...moved.ours.identities, ...others.flatMap((one) => one.moved.identities)]
  const own = sql`i.tenant_id = ${tx.principal.tenantId}::uuid AND i.contact_id = ${contactId}::uuid`
  return idsOf(
    tx,
    sql`WITH RECURSIVE back AS (SELECT i.id FROM app.identity i WHERE ${own} AND i.id = ANY (${array(moved.identities, 'uuid')})
      UNION SELECT i.id FROM back JOIN app.identity i ON ${own} AND i.met_with_id = back.id AND NOT i.id = ANY (${array(elsewhere, 'uuid')})) SELECT id FROM back`,
  )
}

/** The contact's own email and phone are its primary addresses again; a claim that gave way meanwhile is there again. */
async function restorePrimary(tx: Tx, { mergedId, moved }: MergeRecord): Promise<void> {
  const primary = sql`i.id = ANY (${array(moved.primary, 'uuid')})`
  const rows = await tx.query<Versioned & Record<string, unknown>>(
    sql`UPDATE app.identity AS i SET is_primary = ${primary} AND (i.state = 'active' OR NOT i.verified), state = CASE WHEN ${primary} AND NOT i.verified THEN 'active' ELSE i.state END,
        trashed_at = CASE WHEN ${primary} AND NOT i.verified THEN NULL ELSE i.trashed_at END, version = i.version + 1, updated_at = now()
      WHERE i.tenant_id = ${tx.principal.tenantId}::uuid AND i.contact_id = ${mergedId}::uuid AND i.is_primary IS DISTINCT FROM (${primary} AND (i.state = 'active' OR NOT i.verified))
      RETURNING i.id, i.version`,
  )
  for (const one of touches('identities', rows, ['isPrimary'], () => mergedId)) tx.touch(one)
}

/** Messages that lie in a conversation of the other contact than the one whose address they are about; those in groups stay there. */
async function partStrays(
  tx: Tx,
  { contactId, mergedId }: MergeRecord,
  addresses: readonly string[],
  talks: readonly string[],
): Promise<{ ours: string[]; theirs: string[]; changed: string[] }> {
  const { tenantId } = tx.principal
  const [theirs, going] = [array(addresses, 'uuid'), array(talks, 'uuid')]
  const groups = await tx.query<{ conversation: string; identity: string; isTheirs: boolean }>(
    sql`SELECT DISTINCT m.conversation_id AS conversation, m.identity_id AS identity, m.identity_id = ANY (${theirs}) AS "isTheirs"
      FROM app.message m JOIN app.identity i ON i.tenant_id = m.tenant_id AND i.id = m.identity_id
      JOIN app.conversation k ON k.tenant_id = m.tenant_id AND k.id = m.conversation_id AND NOT k.is_group
      WHERE m.tenant_id = ${tenantId}::uuid AND m.contact_id = ${contactId}::uuid
        AND (m.identity_id = ANY (${theirs}) AND NOT m.conversation_id = ANY (${going}) OR m.conversation_id = ANY (${going}) AND i.contact_id = ${contactId}::uuid)`,
  )
  const found = { ours: new Set<string>(), theirs: new Set<string>(), changed: new Set<string>() }
  for (const { conversation, identity, isTheirs } of groups) {
    const target = await conversationAt(tx, conversation, identity, isTheirs ? mergedId : contactId)
    const moved = await tx.query<Versioned & Record<string, unknown>>(
      sql`UPDATE app.message SET conversation_id = ${target}::uuid, version = version + 1, updated_at = now() WHERE tenant_id = ${tenantId}::uuid
        AND conversation_id = ${conversation}::uuid AND identity_id = ${identity}::uuid RETURNING id, version`,
    )
    const ids = array(
      moved.map((row) => row.id),
      'uuid',
    )
    for (const table of ['attachment', 'inbound_event'])
      await tx.query(
        sql`UPDATE app.${sql.identifier(table)} SET conversation_id = ${target}::uuid WHERE tenant_id = ${tenantId}::uuid AND message_id = ANY (${ids})`,
      )
    for (const one of touches('messages', moved, ['conversationId'], () => (isTheirs ? mergedId : contactId)))
      tx.touch(one)
    found[isTheirs ? 'theirs' : 'ours'].add(target)
    for (const id of [conversation, target]) found.changed.add(id)
  }
  await atOwnAddresses(tx, contactId, mergedId)
  return { ours: [...found.ours], theirs: [...found.theirs], changed: [...found.changed] }
}

/** A conversation whose address went to the other contact is at one of its own contact's, where one of its messages was. */
async function atOwnAddresses(tx: Tx, contactId: string, mergedId: string): Promise<void> {
  const rows = await tx.query<Versioned & { contactId: string }>(
    sql`UPDATE app.conversation AS c SET version = c.version + 1, updated_at = now(), identity_id = (SELECT m.identity_id FROM app.message m
          JOIN app.identity i ON i.tenant_id = m.tenant_id AND i.id = m.identity_id AND i.contact_id = c.contact_id
        WHERE m.tenant_id = c.tenant_id AND m.conversation_id = c.id
          AND NOT EXISTS (SELECT FROM app.conversation d WHERE d.tenant_id = c.tenant_id AND d.channel_id = c.channel_id AND d.identity_id = m.identity_id AND d.thread_key = c.thread_key AND d.id <> c.id)
        ORDER BY m.occurred_at DESC, m.id DESC LIMIT 1)
      WHERE c.tenant_id = ${tx.principal.tenantId}::uuid AND c.contact_id IN (${contactId}::uuid, ${mergedId}::uuid)
        AND EXISTS (SELECT FROM app.identity i WHERE i.tenant_id = c.tenant_id AND i.id = c.identity_id AND i.contact_id <> c.contact_id)
      RETURNING c.id, c.version, c.contact_id AS "contactId"`,
  )
  const contacts = new Map(rows.map((row) => [row.id, row.contactId]))
  for (const one of touches('conversations', rows, ['identityId'], (id) => contacts.get(id))) tx.touch(one)
}

/** The conversation of a contact at an address, beside another one on the same channel and thread; made where there is none. */
async function conversationAt(tx: Tx, beside: string, identityId: string, contactId: string): Promise<string> {
  const { tenantId } = tx.principal
  const [known] = await idsOf(
    tx,
    sql`SELECT c.id FROM app.conversation c JOIN app.conversation b ON b.tenant_id = c.tenant_id AND b.id = ${beside}::uuid AND b.channel_id = c.channel_id AND b.thread_key = c.thread_key
      WHERE c.tenant_id = ${tenantId}::uuid AND c.contact_id = ${contactId}::uuid ORDER BY c.identity_id = ${identityId}::uuid DESC NULLS LAST, c.id LIMIT 1`,
  )
  if (known !== undefined) return known
  const id = randomUUIDv7()
  await tx.query(
    sql`INSERT INTO app.conversation (tenant_id, id, business_unit_id, contact_id, identity_id, channel_id, channel, thread_key, status, subject, veiled, team_id, purpose)
      SELECT b.tenant_id, ${id}::uuid, b.business_unit_id, ${contactId}::uuid, ${identityId}::uuid, b.channel_id, b.channel, b.thread_key, b.status, b.subject, b.veiled, b.team_id, b.purpose
        FROM app.conversation b WHERE b.tenant_id = ${tenantId}::uuid AND b.id = ${beside}::uuid`,
  )
  const made: Touched = {
    resource: 'conversations',
    ids: [id],
    changed: ['contactId', 'identityId', 'channelId'],
    version: 1,
  }
  tx.touch({ ...made, subjectIds: [contactId] })
  return id
}

/** Files of a contact's that are under another one's key are put under its own. */
export async function rewrapFiles(tx: Tx, from: string, to: string): Promise<void> {
  const { tenantId } = tx.principal
  const rows = await tx.query<{ id: string; wrapped: Buffer }>(
    sql`SELECT id, wrapped_key AS wrapped FROM app.attachment WHERE tenant_id = ${tenantId}::uuid AND contact_id = ${to}::uuid AND key_contact_id = ${from}::uuid AND wrapped_key IS NOT NULL`,
  )
  if (rows.length === 0) return
  const [old, own] = [await contactKey(tx, from), await contactKey(tx, to)]
  for (const { id, wrapped } of rows) {
    const context = keyContext(id)
    await tx.query(
      sql`UPDATE app.attachment SET wrapped_key = ${own.seal(old.open(wrapped, context), context)}, key_contact_id = ${to}::uuid WHERE tenant_id = ${tenantId}::uuid AND id = ${id}::uuid`,
    )
  }
}

/** What providers sent meanwhile goes with the messages and wishes that it led to, one by one: some of it is large. */
async function resealEvents(tx: Tx, from: string, to: string, consentIds: readonly string[]): Promise<void> {
  const { tenantId } = tx.principal
  const ids = await idsOf(
    tx,
    sql`SELECT e.id FROM app.inbound_event e WHERE e.tenant_id = ${tenantId}::uuid AND e.contact_id = ${from}::uuid
      AND (EXISTS (SELECT FROM app.message m WHERE m.tenant_id = e.tenant_id AND m.id = e.message_id AND m.contact_id = ${to}::uuid)
        OR e.id IN (SELECT c.evidence_event_id FROM app.consent_event c WHERE c.tenant_id = e.tenant_id AND c.id = ANY (${array(consentIds, 'uuid')})))`,
  )
  if (ids.length === 0) return
  const [old, own] = [await contactKey(tx, from), await contactKey(tx, to)]
  const rows: Versioned[] = []
  for (const id of ids) {
    const [row] = await tx.query<{ sealed: Buffer | null }>(
      sql`SELECT sealed_payload AS sealed FROM app.inbound_event WHERE tenant_id = ${tenantId}::uuid AND id = ${id}::uuid FOR NO KEY UPDATE`,
    )
    const context = payloadContext(id)
    const sealed = row?.sealed ? own.seal(old.open(row.sealed, context), context) : null
    rows.push(
      ...(await tx.query<Versioned & Record<string, unknown>>(
        sql`UPDATE app.inbound_event SET contact_id = ${to}::uuid, sealed_payload = ${sealed}, version = version + 1, updated_at = now()
          WHERE tenant_id = ${tenantId}::uuid AND id = ${id}::uuid RETURNING id, version`,
      )),
    )
  }
  for (const one of given('inbound-events', rows, to)) tx.touch(one)
}
