import { operatorsOf } from '../../../src/access/condition.ts'
import type { Resource } from '../../../src/access/define.ts'
import type { CustomFieldDefinition, Field } from '../../../src/access/model.ts'
import type { TestService } from '../../harness/service.ts'

/** The custom fields of the tenant that its contacts have values of. */
export async function definitionsOf({ sql, tenantId }: TestService): Promise<CustomFieldDefinition[]> {
  return sql<CustomFieldDefinition & Record<string, unknown>>(
    `SELECT id, resource, key, type, format, classification, currency FROM app.custom_field f
      WHERE tenant_id = $1 AND state = 'active' AND EXISTS (SELECT FROM app.contact_custom_value v WHERE v.tenant_id = f.tenant_id AND v.field_id = f.id)
      ORDER BY key`,
    [tenantId],
  )
}

/** Every field of a resource by its full name; each custom field stands for itself, their group for none. */
export function fieldsOf(
  resource: Resource,
  definitions: readonly CustomFieldDefinition[],
): ReadonlyMap<string, Field> {
  const { custom } = resource
  const own = [...resource.fields].filter(([name]) => name !== custom?.group)
  const defined = definitions
    .filter((one) => one.resource === resource.name)
    .flatMap((one) => (custom ? [custom.field(one)] : []))
  return new Map([...own, ...defined.map((field) => [field.name, field] as const)])
}

/** A comparison that holds for a record whose field is `value`. */
export interface Test {
  op: string
  operand: unknown
}

/** A comparison by each operator that the field's kind knows, true for this value; none where there is no value. */
export function testsOf(field: Field, value: unknown): Test[] {
  if (!field.filterable)
    return [
      { op: 'eq', operand: 'x' },
      { op: 'exists', operand: true },
    ]
  const scalar =
    field.kind === 'number' && typeof value === 'object' && value !== null && 'amount' in value ? value.amount : value
  const one = Array.isArray(scalar) ? scalar[0] : scalar
  if (one === null || one === undefined) return []
  return operatorsOf(field.kind).map((op) => ({ op, operand: operandFor(op, field.kind, one) }))
}

function operandFor(op: string, kind: Field['kind'], value: unknown): unknown {
  const text = String(value)
  if (op === 'exists') return true
  if (op === 'in') return [value]
  if (op === 'startsWith') return text.slice(0, Math.max(1, text.length - 2))
  if (op === 'ne') return other(kind, value)
  if (op === 'eq' || op === 'gte' || op === 'lte') return value
  const more = op === 'lt'
  if (kind === 'number') return Number(value) + (more ? 1 : -1)
  if (kind === 'time') return more ? '9000-01-01T00:00:00Z' : '1971-01-01T00:00:00Z'
  if (kind === 'date') return more ? '9000-01-01' : '1901-01-01'
  return more ? `${text}z` : text.slice(0, -1)
}

/** A value of the kind that nothing has. */
export function other(kind: Field['kind'], value: unknown): unknown {
  switch (kind) {
    case 'number':
      return Number(value) + 1
    case 'boolean':
      return !value
    case 'uuid':
    case 'uuidList':
      return '0199f3a2-7c10-7a44-9d55-0d1f3b6c2a11'
    case 'time':
      return '1972-02-02T00:00:00Z'
    case 'date':
      return '1922-02-02'
    default:
      return 'another-word'
  }
}
