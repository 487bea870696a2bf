import { is } from 'drizzle-orm/entity'
import { PgColumn } from 'drizzle-orm/pg-core/columns/common'
import type { PgTable } from 'drizzle-orm/pg-core/table'
import { named, type SQL, sql } from '../db/sql.ts'
import { contact, contactKey, externalId, identity } from '../db/tables/contact.ts'
import { attachment, conversation, inboundEvent, message, note } from '../db/tables/conversation.ts'
import { contactCustomValue } from '../db/tables/custom-field.ts'
import { type Declaration, declarationOf } from '../db/tables/declare.ts'
import { erasure } from '../db/tables/erasure.ts'
import { conversationRead } from '../db/tables/inbox.ts'
import { contactMerge, mergeDismissal, mergeHint } from '../db/tables/merge.ts'
import { consentEvent } from '../db/tables/privacy.ts'

/**
 * What becomes of a table's rows when the person whom they are about is erased. Which columns hold something of the
 * person, their declarations say; a test holds this plan against the declarations of all tables, so that a table or a
 * column of later days is not forgotten.
 */
export interface Step {
  table: PgTable
  /** What the rows are called where they are counted; null: they are not. */
  kind: string | null
  /** blank: the row stays, without what it holds of the person. keep: it stays as it is. */
  how: 'delete' | 'blank' | 'keep'
  /** Of a blanked row: what columns become, where NULL is not it, and further columns that point to the person. */
  set?: Readonly<Record<string, SQL>>
  /** Columns declared as personal that stay all the same, with the reason. */
  keeps?: Readonly<Record<string, string>>
}

/** In this order: rows before those that they refer to. */
export const erasurePlan: readonly Step[] = [
  { table: attachment, kind: 'attachments', how: 'delete' },
  { table: note, kind: 'notes', how: 'delete' },
  { table: message, kind: 'messages', how: 'delete' },
  { table: conversationRead, kind: null, how: 'delete' },
  { table: conversation, kind: 'conversations', how: 'delete' },
  { table: identity, kind: 'identities', how: 'delete' },
  { table: externalId, kind: 'externalIds', how: 'delete' },
  { table: contactCustomValue, kind: 'customFields', how: 'delete' },
  {
    // As of an event that the intake blocks: nothing stays but what recognises its redelivery.
    table: inboundEvent,
    kind: 'inboundEvents',
    how: 'blank',
    set: {
      status: sql`'suppressed'`,
      reason: sql`'erased'`,
      lane: sql`''::bytea`,
      retryAt: sql`NULL`,
      contactId: sql`NULL`,
      conversationId: sql`NULL`,
      messageId: sql`NULL`,
    },
    keeps: {
      type: 'the type of a channel',
      kind: 'the provider’s name of such events',
      dedupeHash: 'a keyed hash, by which a redelivery is recognised: it would bring the person back',
      receivedAt: 'when something came; the row leads to nobody any more',
    },
  },
  {
    // That somebody agreed or said stop, and when, proves later that they were treated rightly until they were erased
    // (GDPR art. 7(1), 17(3)(e)). The words in which it was said go; what stays holds no value of theirs: ids, three
    // words of ours.
    table: consentEvent,
    kind: null,
    how: 'blank',
    keeps: {
      category: 'a word of ours: marketing or all',
      state: 'a word of ours: stop or resume',
      source: 'a word of ours: how it came',
      occurredAt: 'the evidence itself',
    },
  },
  { table: contactMerge, kind: null, how: 'delete' },
  { table: mergeDismissal, kind: null, how: 'delete' },
  { table: mergeHint, kind: null, how: 'delete' },
  { table: contactKey, kind: null, how: 'delete' },
  {
    table: erasure,
    kind: null,
    how: 'keep',
    keeps: { sealedReason: 'repeats no value of the person, or it is refused; see erasure-reason.ts' },
  },
  {
    // The tombstone: its id, its business unit, who looked after it, its times. So those who could see the person are
    // told that they were erased, and the others nothing.
    table: contact,
    kind: null,
    how: 'blank',
    set: {
      lifecycleStage: sql`DEFAULT`,
      tags: sql`DEFAULT`,
      externalIds: sql`DEFAULT`,
      subjectId: sql`NULL`,
      state: sql`'erased'`,
      version: sql`version + 1`,
      updatedAt: sql`now()`,
    },
  },
]

/** Whether a column holds something of the person. */
export const isPersonal = ({ sensitivity, category }: Declaration): boolean =>
  sensitivity === 'secret' || (sensitivity === 'personal' && category !== 'staff')

const columnOf = (table: PgTable, name: string): PgColumn => {
  const column: unknown = Reflect.get(table, name)
  if (!is(column, PgColumn)) throw new Error(`there is no column ${name}`)
  return column
}

/** The rows of a step, as a condition; `contacts` are the ids of the person's contacts. */
export function rowsOf({ table }: Pick<Step, 'table'>): SQL {
  const { subject, through } = declarationOf(table)
  if (subject === null) throw new Error('rows that belong to no contact')
  const own = sql`${columnOf(table, 'tenantId')} = ${named('tenant')}::uuid AND ${columnOf(table, subject)}`
  if (!through) return sql`${own} = ANY (${named('contacts')}::uuid[])`
  return sql`${own} IN (SELECT ${columnOf(through, 'id')} FROM ${through} WHERE ${rowsOf({ table: through })})`
}

/** What a blanked row's columns become, by column name. */
export function blanks({ table, set = {}, keeps = {} }: Step): [string, SQL][] {
  const personal = Object.entries(declarationOf(table).columns).flatMap(([name, one]) =>
    isPersonal(one) && !(name in keeps) && !(name in set) ? [name] : [],
  )
  return [...personal.map((name): [string, SQL] => [name, sql`NULL`]), ...Object.entries(set)].map(([name, value]) => [
    columnOf(table, name).name,
    value,
  ])
}

/** The statement of a step: rows gone, or without what they held. With the ids of those rows, where they have one. */
export function stepStatement(step: Step, where: SQL = rowsOf(step)): SQL {
  const returned = 'id' in declarationOf(step.table).columns ? sql`RETURNING id` : sql``
  if (step.how === 'delete') return sql`DELETE FROM ${step.table} WHERE ${where} ${returned}`
  const sets = blanks(step).map(([name, value]) => sql`${sql.identifier(name)} = ${value}`)
  return sql`UPDATE ${step.table} SET ${sql.join(sets, sql`, `)} WHERE ${where} ${returned}`
}
