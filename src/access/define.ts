import type { PgColumn } from 'drizzle-orm/pg-core/columns/common'
import type { PgTable } from 'drizzle-orm/pg-core/table'
import { type SQL, sql } from 'drizzle-orm/sql/sql'
import { z } from 'zod'
import { instantOf } from './condition.ts'
import { literal } from './literal.ts'
import type {
  CustomFields,
  Detected,
  ExactMatch,
  Field,
  FieldKind,
  MaskKind,
  ResourceModel,
  SearchKind,
} from './model.ts'
import type { Principal } from './principal.ts'

/** How a noun describes one of its fields, once: storage, meaning, and what may be done with it. */
export interface FieldDefinition {
  /** Where it is stored. Left out for what is computed: then `value` and `kind` say it. */
  column?: PgColumn
  value?: SQL
  /** The value for whoever asks, where it hangs on who that is; see Field. */
  own?: (principal: Principal) => SQL
  kind?: FieldKind
  /** The value's shape, without null; description and example go into its `.meta()`. */
  schema: z.ZodType
  nullable?: boolean
  /** An object that a patch replaces as a whole, since its members only mean something together. */
  whole?: boolean
  /** What null means in a patch, for a field that always has a value; a list becomes empty. */
  unset?: unknown
  /** When a client may set it. `create`: only at the start, unchangeable afterwards. */
  write?: 'always' | 'create'
  /** Must be given on creation. */
  required?: boolean
  mask?: MaskKind
  /** The mask of a value, where it takes more of the row than the value to make it. */
  veil?: (value: SQL) => SQL
  /** The JSON column in which is what a mask shows of the field, under its name, for rows where it hides anything. */
  veiledIn?: PgColumn
  search?: SearchKind
  exact?: ExactMatch
  filter?: boolean
  /** Of a list that is computed: a stored one with an index that holds at least as much. Of a yes: what holds, by an index, wherever it does. */
  within?: SQL
  /** Changes by itself, without anybody changing the record: not part of its ETag. */
  volatile?: boolean
  /** The resource that whoever uses the field must be able to read besides; see Field. */
  needs?: string
  /** Follows from other records, or says how far something has come: no history of its values is kept. */
  derived?: boolean
  sort?: boolean
}

export interface ResourceDefinition {
  /** Path segment and name in grants: "contacts". */
  name: string
  /** "Contact": the schema's name in the OpenAPI document. */
  title: string
  description: string
  table: PgTable
  tenant: PgColumn
  id: PgColumn
  unit?: PgColumn
  subject?: SQL
  state?: PgColumn
  /** The record that a row is part of, by the column that names it; see ResourceModel. */
  within?: { model: ResourceModel; id: PgColumn }
  /** The noun's own rule about rows; see ResourceModel. */
  rows?: (principal: Principal) => SQL | null
  /** How it keeps the fields that tenants define; left out: they define none. */
  custom?: CustomFields
  /** How lists are sorted when nothing is said ("-occurredAt"); left out: newest ids first. */
  sort?: string
  fields: Readonly<Record<string, FieldDefinition>>
}

/** A resource as the rest of the house uses it: the access model, and the shapes of its answers and bodies. */
export interface Resource extends ResourceModel {
  title: string
  description: string
  definitions: Readonly<Record<string, FieldDefinition>>
  sort: string | null
  /** The names of the fields that change by themselves. */
  volatile: readonly string[]
  /** A record in an answer: every field optional, for what a principal may not see is absent. */
  answer: z.ZodObject
  createBody: z.ZodObject
  patchBody: z.ZodObject
}

export function defineResource(definition: ResourceDefinition): Resource {
  const fields = new Map<string, Field>()
  const answer: Record<string, z.ZodType> = {}
  const createBody: Record<string, z.ZodType> = {}
  const patchBody: Record<string, z.ZodType> = {}
  for (const [name, one] of Object.entries(definition.fields)) {
    const value = one.value ?? (one.column ? sql`${one.column}` : null)
    const kind = one.kind ?? (one.column ? kindOf(one.column) : null)
    if (!value || !kind) throw new Error(`${definition.name}.${name} has neither a column nor a value with its kind`)
    const nullable = one.nullable ?? (one.column ? !one.column.notNull : true)
    fields.set(name, {
      name,
      kind,
      value,
      own: one.own,
      needs: one.needs,
      column: one.column ?? null,
      mask: one.mask ?? maskFor(kind),
      veil: one.veil ?? null,
      detected: one.veiledIn ? detectedIn(one.veiledIn, name, kind, value) : null,
      filterable: one.filter ?? kind !== 'json',
      sortable: one.sort ?? ['text', 'choice', 'number', 'time', 'date'].includes(kind),
      within: one.within ?? null,
      search: one.search ?? null,
      exact: one.exact ?? null,
      schema: one.schema,
      stored: null,
    })
    const shape = nullable ? one.schema.nullable() : one.schema
    const shown = maskable(one.schema, one.mask ?? maskFor(kind))
    answer[name] = name === 'id' ? shown : (nullable ? shown.nullable() : shown).optional()
    if (one.write) createBody[name] = one.required ? one.schema : shape.optional()
    const isEmptied = one.unset !== undefined || kind === 'textList' || kind === 'uuidList'
    if (one.write === 'always') patchBody[name] = (isEmptied && !nullable ? one.schema.nullable() : shape).optional()
  }
  answer.maskedFields = z
    .array(z.string())
    .optional()
    .meta({ description: 'The names of the fields whose values are masked for you.', example: ['phone'] })
  return {
    name: definition.name,
    title: definition.title,
    description: definition.description,
    table: definition.table,
    tenant: definition.tenant,
    id: definition.id,
    unit: definition.unit ?? null,
    subject: definition.subject ?? null,
    state: definition.state ?? null,
    within: definition.within ?? null,
    rows: definition.rows ?? null,
    fields,
    custom: definition.custom ?? null,
    definitions: definition.fields,
    sort: definition.sort ?? null,
    volatile: Object.keys(definition.fields).filter((name) => definition.fields[name]?.volatile),
    answer: z.object(answer).meta({ id: definition.title, description: definition.description }),
    createBody: z
      .strictObject(createBody)
      .meta({ id: `${definition.title}Create`, description: `What a new ${words(definition.title)} is made of.` }),
    patchBody: z.strictObject(patchBody).meta({
      id: `${definition.title}Patch`,
      description: `A JSON merge patch (RFC 7396) of a ${words(definition.title)}: null removes a value.`,
    }),
  }
}

/** The fields that every stored noun has. */
export function commonFields(table: {
  id: PgColumn
  version: PgColumn
  createdAt: PgColumn
  updatedAt: PgColumn
  trashedAt?: PgColumn
}): Record<string, FieldDefinition> {
  return {
    id: {
      column: table.id,
      schema: z
        .uuid()
        .meta({ description: 'The record’s id (UUIDv7).', example: '0199f3a2-7c10-7a44-9d55-0d1f3b6c2a11' }),
    },
    version: {
      column: table.version,
      schema: z.int().meta({ description: 'Counts the changes of the record.', example: 1 }),
    },
    createdAt: { column: table.createdAt, schema: time('When the record was made.') },
    updatedAt: { column: table.updatedAt, schema: time('When the record was last changed.') },
    ...(table.trashedAt
      ? {
          trashedAt: {
            column: table.trashedAt,
            schema: time('When the record was moved to the trash; null outside it.'),
          },
        }
      : {}),
  }
}

export const time = (description: string) =>
  z.iso
    .datetime({ offset: true })
    // In UTC: the database does not know every offset that RFC 3339 does.
    .overwrite((text) => instantOf(text) ?? text)
    .meta({ description, example: '2026-11-22T09:30:00Z' })
/** Ids are compared in memory too: in one spelling. */
export const idOf = (description: string) =>
  z.uuid().toLowerCase().meta({ description, example: '0199f3a2-7c10-7a44-9d55-0d1f3b6c2a11' })

const words = (title: string): string => title.replaceAll(/(?<=[a-z])(?=[A-Z])/g, ' ').toLowerCase()

function detectedIn(veiled: PgColumn, name: string, kind: FieldKind, value: SQL): Detected {
  const key = sql.raw(literal(name))
  const rest = kind === 'json' ? sql`${veiled} -> ${key}` : sql`${veiled} ->> ${key}`
  return { rest: sql`coalesce(${rest}, ${value})`, where: sql`${veiled} ? ${key}` }
}

function kindOf(column: PgColumn): FieldKind {
  const type = column.getSQLType()
  if (type.endsWith('[]')) return type.startsWith('uuid') ? 'uuidList' : 'textList'
  if (type === 'uuid') return 'uuid'
  if (type === 'boolean') return 'boolean'
  if (type === 'jsonb') return 'json'
  if (type === 'date') return 'date'
  if (type.startsWith('timestamp')) return 'time'
  if (['integer', 'smallint', 'bigint', 'numeric'].some((number) => type.startsWith(number))) return 'number'
  return 'text'
}

/** In an answer a value may be masked: text loses its format and its length; what has no masked form is left out. */
function maskable(schema: z.ZodType, mask: MaskKind): z.ZodType {
  const isText = mask === 'text' || mask === 'name' || mask === 'email' || mask === 'phone'
  if (!isText) return schema
  const { description, example } = schema.meta() ?? {}
  return z.string().meta({ ...(description ? { description } : {}), ...(example === undefined ? {} : { example }) })
}

function maskFor(kind: FieldKind): MaskKind {
  if (kind === 'text') return 'text'
  if (kind === 'number') return 'number'
  if (kind === 'date') return 'date'
  return 'hidden'
}
