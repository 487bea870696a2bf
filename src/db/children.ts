import { fieldSql, rowsWhere, sight } from '../access/door.ts'
import type { ResourceModel } from '../access/model.ts'
import type { Principal } from '../access/principal.ts'
import type { JsonRow } from './database.ts'
import type { Part } from './read-statement.ts'
import { type SQL, sql } from './sql.ts'
import { present, viewOf } from './view.ts'

/** Records of another resource that are answered, in brief, with each record: a message's attachments. */
export interface Children {
  name: string
  model: ResourceModel
  /** The child's field that names its parent: whoever may not read it is not told whose it is. */
  link: string
  /** The fields that the brief form has, for whoever may read them. */
  fields: readonly string[]
}

const declared = new Map<string, Children>()

/** Says which records are answered with each of a resource; called where the resource is defined. */
export function declareChildren(parent: ResourceModel, children: Children): void {
  declared.set(parent.name, children)
}

/** The children of a resource as far as a principal may know of them. */
function seenChildren(principal: Principal, parent: ResourceModel) {
  const children = declared.get(parent.name)
  const rows = children && rowsWhere(principal, children.model, 'read')
  const seen = rows ? sight(principal, children.model, children.link) : null
  const link = seen && fieldSql(seen, 'filter')
  return children && rows && link ? { ...children, rows, link } : null
}

/**
 * The part of a read that brings the children of another part's records, through their own door and into the audit.
 * @param of the name of the part with the parents
 * @param parents the parents that are answered, as something to select `id` from
 */
export function childParts(principal: Principal, parent: ResourceModel, of: string, parents: SQL): Part[] {
  const seen = seenChildren(principal, parent)
  if (!seen) return []
  const { name, model, fields, rows, link } = seen
  const view = viewOf(principal, model, fields)
  return [
    {
      name: `${of}.${name}`,
      resource: model.name,
      columns: sql`${view.columns}, ${link} AS "_parent"`,
      from: sql`${model.table}`,
      tenant: model.tenant,
      where: sql`${rows} AND ${link} IN (SELECT p.id FROM ${parents} AS p) ${model.state ? sql`AND ${model.state} = 'active'` : sql``}`,
      orderBy: sql`${model.id}`,
      shown: view.shown,
      masked: view.masked,
      byRow: view.byRow,
      isAside: true,
    },
  ]
}

/** Puts the children that a read has brought into the records of one of its parts. */
export function addChildren(
  principal: Principal,
  parent: ResourceModel,
  of: string,
  records: readonly JsonRow[],
  result: Readonly<Record<string, JsonRow[]>>,
): void {
  const seen = seenChildren(principal, parent)
  if (!seen) return
  const { name, model, fields } = seen
  const view = viewOf(principal, model, fields)
  const byParent = Map.groupBy(result[`${of}.${name}`] ?? [], (row) => row._parent)
  for (const record of records) record[name] = (byParent.get(record.id) ?? []).map((row) => present(model, view, row))
}
