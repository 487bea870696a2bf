import { type SQL, sql } from 'drizzle-orm/sql/sql'
import type { Rule } from './ability.ts'
import type { Action } from './actions.ts'
import type { Condition } from './condition.ts'
import type { Resolve } from './condition-sql.ts'
import { asLiteral, conditionSql } from './condition-sql.ts'
import { literal, literals } from './literal.ts'
import type { Field, MaskKind, ResourceModel } from './model.ts'
import type { Principal } from './principal.ts'
import { oneOf, anyOf as simplified } from './simplify.ts'

/**
 * The one door for fields. Whatever names a field in a request comes through here and leaves as SQL: the column, a
 * mask, or nothing. No other code names a column that came from a request.
 */
export type Use =
  | 'select'
  | 'filter'
  | 'sort'
  | 'group'
  | 'search'
  | 'cursor'
  | 'export'
  | 'webhook'
  | 'feed'
  | 'context'
  | 'audit'

/** What a principal gets of a field: for which rows in clear, for which masked. `true` = for every row it can see. */
export interface Sight {
  field: Field
  clear: SQL | boolean
  masked: SQL | boolean
}

/** The rows of a resource on which a principal may do something, as SQL; false when none. */
export function rowsWhere(principal: Principal, model: ResourceModel, action: Action): SQL | false {
  const layers = principal.ability.rules(action, model.name)
  const parts: SQL[] = []
  for (const rules of layers) {
    const any = anyOf(rules, principal, model)
    if (any === false) return false
    if (any !== true) parts.push(any)
  }
  if (model.unit && principal.units !== '*') {
    // The platform's own rule, under every role: a member sees the rows of its business units.
    const [unit, ...more] = principal.units
    const isOne = unit !== undefined && more.length === 0
    // Of one unit, an index that begins with units gives the rows in its own order.
    parts.push(
      isOne
        ? sql`${model.unit} = ${sql.raw(literal(unit))}::uuid`
        : sql`${model.unit} = ANY (${literals(principal.units)}::uuid[])`,
    )
  }
  const own = model.rows?.(principal)
  if (own) parts.push(own)
  if (model.within) {
    const { model: whole, id } = model.within
    const seen = rowsWhere(principal, whole, 'read')
    const inside =
      seen &&
      sql`EXISTS (SELECT FROM ${whole.table} WHERE ${whole.tenant} = ${model.tenant} AND ${whole.id} = ${id} AND ${seen} AND ${liveWhere(principal, whole)})`
    if (id.notNull && !inside) return false
    // A row that is part of nothing yet is not hidden with it.
    const free = sql`${id} IS NULL`
    parts.push(!inside ? free : id.notNull ? inside : sql`(${free} OR ${inside})`)
  }
  return parts.length === 0 ? sql`true` : sql.join(parts, sql` AND `)
}

/** Trashed rows are there for whoever may bring them back, for the others they are gone. */
export function liveWhere(principal: Principal, model: ResourceModel): SQL {
  if (!model.state) return sql`true`
  const restorable = rowsWhere(principal, model, 'restore')
  return restorable
    ? sql`(${model.state} = 'active' OR ${model.state} = 'trashed' AND ${restorable})`
    : sql`${model.state} = 'active'`
}

/** How a principal sees a field; null when it never does, and then the field might as well not exist. */
export function sight(principal: Principal, model: ResourceModel, name: string): Sight | null {
  const known = principal.ability.fields(model).get(name)
  if (!known || (known.needs !== undefined && !principal.ability.may('read', known.needs))) return null
  const field = known.own ? { ...known, value: known.own(principal) } : known
  const clear = reach(principal, model, 'read', name)
  const masked = clear === true || !isEverMasked(principal, model, name) ? false : reach(principal, model, 'mask', name)
  return clear === false && masked === false ? null : { field, clear, masked }
}

/**
 * The SQL by which a principal may use a field. `select` gives what is shown; filter, sort, search and cursor get the
 * clear value only where it may be read (NULL for other rows), so that nothing else about it can be asked. Where a mask
 * hides only what was found in the value, they get what is shown.
 */
export function fieldSql(seen: Sight, use: Use): SQL | null {
  const { field, clear, masked } = seen
  const shows = use === 'select' || use === 'export' || use === 'webhook' || use === 'feed' || use === 'context'
  if (shows || field.detected) {
    if (clear === true) return field.value
    const veil = maskSql(field)
    if (clear === false) return masked === true ? veil : sql`CASE WHEN ${masked} THEN ${veil} END`
    if (masked === false) return sql`CASE WHEN ${clear} THEN ${field.value} END`
    return masked === true
      ? sql`CASE WHEN ${clear} THEN ${field.value} ELSE ${veil} END`
      : sql`CASE WHEN ${clear} THEN ${field.value} WHEN ${masked} THEN ${veil} END`
  }
  if (clear === false) return null
  return clear === true ? field.value : sql`CASE WHEN ${clear} THEN ${field.value} END`
}

/** Whether a principal may ask more about a field than for one full value of it. */
export const isAskable = ({ field, clear }: Sight): boolean => clear !== false || field.detected !== null

/**
 * The fields that a request's condition may name, with what they stand for. A field seen only masked may be matched
 * exactly (`eq` with one full value), nothing else; everything else about it would let its value be guessed bit by bit.
 */
export function filterable(
  principal: Principal,
  model: ResourceModel,
): { usable: (field: Field, op: string) => boolean; resolve: Resolve } {
  return {
    usable: (field, op) => {
      const seen = field.filterable ? sight(principal, model, field.name) : null
      // What shows nothing of a value, a yes or no, a choice out of five, would be told whole by a few questions.
      return seen !== null && (isAskable(seen) || (op === 'eq' && field.mask !== 'hidden'))
    },
    resolve: (name) => {
      const seen = sight(principal, model, name)
      if (!seen) return null
      const { field, clear, masked } = seen
      if (clear === true) return field
      if (field.detected) return { ...field, value: fieldSql(seen, 'filter') ?? field.detected.rest }
      const where = clear === false ? masked : clear
      return where === true || where === false ? field : { ...field, ...onlyWhere(where, field) }
    },
  }
}

/** A field in the rows for which `where` holds; in the others it is as if it had no value. */
function onlyWhere(where: SQL, { value, stored }: Field): Pick<Field, 'value' | 'stored'> {
  return {
    value: sql`CASE WHEN ${where} THEN ${value} END`,
    stored: stored && { ...stored, some: (predicate) => stored.some(sql`(${where}) AND ${predicate}`) },
  }
}

/**
 * How many different values a request's condition asks for of fields that are seen only masked. Each answer tells one
 * value, so they count as shown.
 */
export function maskedMatches(principal: Principal, model: ResourceModel, condition: Condition): number {
  const found = new Set<string>()
  const visit = (node: Condition): void => {
    if (node.op === 'not') visit(node.of)
    else if ('of' in node) node.of.forEach(visit)
    else count(node)
  }
  const count = (node: Exclude<Condition, { of: unknown }>): void => {
    const seen = sight(principal, model, node.field)
    if (!seen || isAskable(seen)) return
    for (const value of node.op === 'in' ? node.values : [node.value]) found.add(JSON.stringify([node.field, value]))
  }
  visit(condition)
  return found.size
}

const isEverMasked = (principal: Principal, model: ResourceModel, name: string): boolean =>
  principal.ability.rules('mask', model.name).some((rules) => rules.some((rule) => names(rule, name)))

const names = (rule: Rule, name: string): boolean => rule.fields.includes('*') || rule.fields.includes(name)

/** For which rows a rule of `action` names the field; true = for all rows that the principal can read. */
function reach(principal: Principal, model: ResourceModel, action: 'read' | 'mask', name: string): SQL | boolean {
  const readable = principal.ability.rules('read', model.name)
  // Where clear is asked first, "masked" means clear or masked: of two layers one may show it in clear.
  const masking = principal.ability.rules('mask', model.name)
  const parts: SQL[] = []
  for (const [i, reading] of readable.entries()) {
    const rules = action === 'read' ? reading : [...reading, ...(masking[i] ?? [])]
    const naming = rules.filter((rule) => name === 'id' || names(rule, name))
    if (naming.length === 0) return false
    if (covers(naming, reading)) continue
    const any = anyOf(naming, principal, model)
    if (any === false) return false
    if (any !== true) parts.push(any)
  }
  return parts.length === 0 ? true : sql.join(parts, sql` AND `)
}

/** Whether these rules hold for every row for which those do, as far as equal conditions tell. */
function covers(rules: readonly Rule[], all: readonly Rule[]): boolean {
  const conditions = new Set(rules.map((rule) => JSON.stringify(rule.when)))
  return conditions.has('null') || all.every((rule) => conditions.has(JSON.stringify(rule.when)))
}

/** Where one of the rules holds, among the rows of the principal's units. */
function anyOf(rules: readonly Rule[], principal: Principal, model: ResourceModel): SQL | boolean {
  if (rules.length === 0) return false
  const conditions = simplified(rules.map((rule) => rule.when))
  const one = conditions && oneOf(conditions, unitsOf(principal, model))
  if (!one) return true
  const fields = principal.ability.fields(model)
  return sql`(${conditionSql(one, (name) => fields.get(name) ?? null, asLiteral)})`
}

/** What `rowsWhere` asks of every row, as roles say it: asked twice, the planner would take it for two things. */
function unitsOf({ units }: Principal, { unit, fields }: ResourceModel): Condition[] {
  const field = [...fields.values()].find(({ column }) => unit !== null && column === unit)
  return field && units !== '*' ? [{ op: 'in', field: field.name, values: units }] : []
}

const masks: Record<MaskKind, (value: SQL) => SQL> = {
  phone: (value) => sql`app.mask_phone(${value})`,
  email: (value) => sql`app.mask_email(${value})`,
  name: (value) => sql`app.mask_name(${value})`,
  text: (value) => sql`app.mask_text(${value})`,
  number: (value) => sql`app.mask_number(${value})`,
  date: (value) => sql`app.mask_date(${value})`,
  // NULL, of the value's own type: it may stand beside the value in a CASE.
  hidden: (value) => sql`CASE WHEN false THEN ${value} END`,
}

/** The masked value of a field. */
function maskSql(field: Field): SQL {
  return field.detected?.rest ?? maskOf(field, field.value)
}

/**
 * The mask of any value of a field, as SQL over its row: one that it had before looks as it did then. What is masked by
 * what was found in it (`detected`) is not masked here.
 */
export function maskOf(field: Field, value: SQL): SQL {
  return field.veil ? field.veil(value) : masks[field.mask](value)
}
