import { fieldSql, rowsWhere, sight } from '../../access/door.ts'
import type { ResourceModel } from '../../access/model.ts'
import type { Principal } from '../../access/principal.ts'
import { childParts } from '../../db/children.ts'
import type { ReadPlan } from '../../db/database.ts'
import type { Part } from '../../db/read-statement.ts'
import { parentPart } from '../../db/rows.ts'
import { named, type SQL, sql } from '../../db/sql.ts'
import { viewOf } from '../../db/view.ts'
import { contacts } from '../contacts/schema.ts'
import { type TimelineKind, timelineKinds } from './schema.ts'

export interface TimelineQuestion {
  contactId: string
  kinds: readonly TimelineKind[]
  limit: number
  /** The last entry of the page before. */
  after: { at: string; id: string } | null
}

/** A noun as a principal has it in a timeline. */
interface Strand {
  kind: TimelineKind
  model: ResourceModel
  rows: SQL
  /** The moment, where the principal may sort by it; a record whose time it may not know is not in its timeline. */
  at: SQL
}

/**
 * One page of what happened with a contact, over all nouns, as one statement: which entries there are (the newest of each
 * noun, merged), then each noun's records through its own door and its own rules about rows.
 */
export function timelinePlan(principal: Principal, question: TimelineQuestion): ReadPlan {
  const { contactId, kinds, limit, after } = question
  return {
    key: `timeline/${kinds.join()}/${after ? 'after' : 'first'}`,
    wanted: contactId,
    values: {
      parentId: contactId,
      fetch: limit + 1,
      answer: limit,
      afterAt: after?.at ?? null,
      afterId: after?.id ?? null,
    },
    parts: () => {
      const strands = kinds.flatMap((kind) => strandOf(principal, kind))
      return [
        parentPart(principal, contacts),
        entries(strands, after !== null),
        ...strands.flatMap((one) => [
          records(principal, one),
          ...childParts(principal, one.model, one.kind, sql`${sql.identifier(one.kind)}`),
        ]),
      ]
    },
  }
}

function strandOf(principal: Principal, kind: TimelineKind): Strand[] {
  const { resource, at } = timelineKinds[kind]
  const rows = rowsWhere(principal, resource, 'read')
  const seen = sight(principal, resource, at)
  const moment = seen && fieldSql(seen, 'sort')
  return rows && moment ? [{ kind, model: resource, rows, at: moment }] : []
}

/** The newest of each noun, and of these the newest: each branch walks its own index no further than a page. */
function entries(strands: readonly Strand[], goesOn: boolean): Part {
  const branches = strands.map(({ kind, model, rows, at }) => {
    const on = goesOn
      ? sql`AND (${at}, ${model.id}) < (${named('afterAt')}::timestamptz, ${named('afterId')}::uuid)`
      : sql``
    return sql`(SELECT ${kind}::text AS kind, ${model.id} AS id, ${at} AS at FROM ${model.table}
      WHERE ${model.tenant} = ${named('eventTenant')}::uuid AND ${model.subject} = ${named('parentId')}::uuid AND ${rows}
        ${model.state ? sql`AND ${model.state} = 'active'` : sql``} AND ${at} IS NOT NULL ${on}
      ORDER BY ${at} DESC, ${model.id} DESC LIMIT ${named('fetch')})`
  })
  const none = sql`SELECT NULL::text AS kind, NULL::uuid AS id, NULL::timestamptz AS at WHERE false`
  return {
    name: 'rows',
    resource: null,
    columns: sql`e.kind, e.id, e.at`,
    from: sql`(${branches.length > 0 ? sql.join(branches, sql` UNION ALL `) : none}) AS e`,
    tenant: null,
    where: sql`EXISTS (SELECT FROM parent)`,
    orderBy: sql`e.at DESC, e.id DESC`,
    limit: { fetch: named('fetch'), answer: named('answer') },
    shown: [],
    masked: [],
    byRow: false,
  }
}

function records(principal: Principal, { kind, model, rows }: Strand): Part {
  const view = viewOf(principal, model)
  return {
    name: kind,
    resource: model.name,
    columns: view.columns,
    from: sql`${model.table}`,
    tenant: model.tenant,
    where: sql`${rows} AND ${model.id} IN (SELECT l.id FROM (SELECT * FROM rows LIMIT ${named('answer')}) AS l WHERE l.kind = ${kind})`,
    shown: view.shown,
    masked: view.masked,
    byRow: view.byRow,
  }
}
