import type { PgColumn } from 'drizzle-orm/pg-core/columns/common'
import type { PgTable } from 'drizzle-orm/pg-core/table'
import type { SQL } from 'drizzle-orm/sql/sql'
import type { ZodType } from 'zod'
import type { Principal } from './principal.ts'

/** What a field's values are; decides operators, casts and masks. */
export type FieldKind =
  | 'text'
  | 'choice'
  | 'uuid'
  | 'number'
  | 'boolean'
  | 'time'
  | 'date'
  | 'textList'
  | 'uuidList'
  | 'json'

/** How a masked value looks; see the app.mask_* functions. `hidden` shows nothing but that there is a mask. */
export type MaskKind = 'phone' | 'email' | 'name' | 'text' | 'number' | 'date' | 'hidden'

/** How a field takes part in free search. */
export type SearchKind = 'text' | 'email' | 'phone'

export interface ExactMatch {
  /** The form in which values are compared; grants' conditions compare so too. */
  normal: (value: string) => string
  sql: (value: SQL, other: string) => SQL
  /** Where the form depends on more of the row than the value: decides in memory what `sql` decides. */
  same?: (value: string, other: string, row: Readonly<Record<string, unknown>>) => boolean
}

/** The value of a field that a tenant has defined itself: it stands in a row of its own, below the record's. */
export interface Stored {
  /** The field of the record that answers all of them as one JSON object, and the name in there. */
  group: string
  key: string
  /** The definition's id, by which a value's row names its field. */
  id: string
  /** The value, within its own row. */
  value: SQL
  /** Whether the record has a value for which a predicate over `value` holds. */
  some: (predicate: SQL) => SQL
  /** How values are had in their own order, by an index; null where there is none that keeps it. */
  order: { rows: SQL; mine: SQL; record: SQL; type: string } | null
  /** A value as JSON shows it, and the part of that JSON which conditions compare. */
  json: (value: SQL) => SQL
  scalar: (json: unknown) => unknown
  /** Whether a grant that names the group means this field too; else it must be named itself. */
  isOpen: boolean
}

/** How a resource keeps the fields that tenants define: it turns a definition into a field of its own. */
export interface CustomFields {
  group: string
  field: (definition: CustomFieldDefinition) => Field
  /** One JSON object with what is shown of each field, as SQL over the field's own row. */
  object: (members: readonly { stored: Stored; shown: SQL }[]) => SQL
}

export type CustomFieldType = 'text' | 'number' | 'money' | 'date' | 'boolean' | 'choice' | 'multiChoice' | 'reference'

/** As much of a custom field's definition as rights and conditions need. */
export interface CustomFieldDefinition {
  id: string
  resource: string
  key: string
  type: CustomFieldType
  /** How a text is written, and so how it is masked. */
  format: 'plain' | 'email' | 'phone' | 'name' | null
  classification: 'unclassified' | 'general' | 'personal' | 'sensitive'
  /** ISO 4217; of money only. */
  currency: string | null
}

/**
 * What was found in a value when it was written, to be hidden from whoever has the field masked. What is left is theirs:
 * they are shown it, and ask about it as others do about the clear value; about what is hidden they cannot ask.
 */
export interface Detected {
  /** The value without what was found in it. */
  rest: SQL
  /** Whether anything was found in the row's value; where nothing was, the field is not masked. */
  where: SQL
}

export interface Field {
  /** The public name, as in the JSON; that of a custom field is "customFields.shoeSize". */
  name: string
  kind: FieldKind
  /** The clear value, as JSON shows it. */
  value: SQL
  /** The same for whoever asks, where it hangs on who that is. Conditions of roles know only `value`. */
  own?: ((principal: Principal) => SQL) | undefined
  /**
   * A resource that the principal must be able to read besides: for whoever may not, the field does not exist, though a
   * role names all fields.
   */
  needs?: string | undefined
  /** The column that a write sets; null where a noun's own code does it. */
  column: PgColumn | null
  mask: MaskKind
  /** The mask of a value, where it takes more of the row than the value to make it; null: as `mask` says. */
  veil: ((value: SQL) => SQL) | null
  /** Set where a mask takes out only what was found in the value; null: a mask is over the whole of it. */
  detected: Detected | null
  filterable: boolean
  sortable: boolean
  /** Of a list that is computed: a stored one with an index that holds at least as much. Of a yes: what holds, by an index, wherever it does. */
  within: SQL | null
  search: SearchKind | null
  /** Compares the field's SQL with one full value, in whatever form it was typed; null = plain equality. */
  exact: ExactMatch | null
  /** Validates and describes the value in an answer. */
  schema: ZodType
  /** null for the resource's own fields. */
  stored: Stored | null
}

/**
 * What the access layer knows of a resource: its fields, whose unit a row is in and which contact it concerns.
 * `name` is the path segment and the name in grants and in the audit ("contacts").
 */
export interface ResourceModel {
  name: string
  table: PgTable
  tenant: PgColumn
  id: PgColumn
  /** The column of the business unit; null where rows belong to the whole tenant. */
  unit: PgColumn | null
  /** SQL of the contact that a row concerns; null where it concerns none. */
  subject: SQL | null
  /** active / trashed / …; null where rows are never trashed. */
  state: PgColumn | null
  /** The record that a row is part of, if any: whoever does not see that one does not see the row either. */
  within: { model: ResourceModel; id: PgColumn } | null
  /** A rule about rows of the noun's own, under every role, where columns alone cannot say it; null: every row. */
  rows: ((principal: Principal) => SQL | null) | null
  /** The resource's own fields; those of a principal's tenant as well are `Ability.fields`. */
  fields: ReadonlyMap<string, Field>
  /** null where tenants define no fields of their own. */
  custom: CustomFields | null
}

/** Finds models by resource name. Filled by the list of resources, asked by grants and the door. */
export type Models = ReadonlyMap<string, ResourceModel>
