import { z } from 'zod'
import { time } from '../../access/define.ts'
import type { JsonRow } from '../../db/database.ts'
import type { Scope } from '../../db/rows.ts'
import { named, sql } from '../../db/sql.ts'
import { readableEvent } from '../../db/tables/audit.ts'
import { type Question, questionOf } from '../../http/query.ts'

const id = (description: string) =>
  z.uuid().toLowerCase().optional().meta({ description, example: '0199f3a2-7c10-7a44-9d55-0d1f3b6c2a11' })
/** What events are asked by, beside their fields. */
export const eventParameters = {
  recordId: id('Events that touched this record.'),
  subjectId: id('Events that concern this contact.'),
  from: time('Not before.').optional(),
  to: time('Before.').optional(),
}

/** The question in a query string; `scope` where it is about one record. */
export function eventQuestion(given: JsonRow): { question: Question; scope: Scope | undefined } {
  const { recordId, subjectId, from, to, ...query } = given
  const question = questionOf(query)
  const filters = {
    ...question.filters,
    ...(subjectId ? { subjectIds: subjectId } : {}),
    ...(from ? { 'occurredAt[gte]': from } : {}),
    ...(to ? { 'occurredAt[lt]': to } : {}),
  }
  // Which records: contained in the touched ids, as the index has them.
  const scope = recordId
    ? {
        key: 'record',
        // Contained in the list that has the index; not only behind it, where the contacts concerned are.
        sql: sql`${readableEvent.ids} @> ARRAY[${named('parentId')}::uuid] AND (${readableEvent.counts} IS NULL
          OR ${named('parentId')}::uuid = ANY (${readableEvent.ids}[: (SELECT sum(c)::int FROM unnest(${readableEvent.counts}) AS c)]))`,
        id: String(recordId),
        through: { parameter: 'recordId', field: 'touched' },
      }
    : undefined
  return { question: { ...question, filters }, scope }
}
