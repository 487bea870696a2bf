type Schema = { [key: string]: unknown }

const byFormat: Record<string, unknown> = {
  uuid: '0199f3a2-7c10-7a44-9d55-0d1f3b6c2a11',
  'date-time': '2026-11-22T09:30:00Z',
  date: '2026-11-22',
  email: 'anna@example.com',
  uri: 'https://example.com/',
}
const byType: Record<string, unknown> = { string: 'text', integer: 1, number: 1, boolean: true, null: null }

/**
 * An example of what a JSON Schema describes: its own, else the first value it allows, else one made of its parts.
 * @param resolve the schema behind a $ref
 */
export function exampleOf(schema: Schema, resolve: (ref: string) => Schema): unknown {
  const part = (value: unknown): unknown => (isSchema(value) ? exampleOf(value, resolve) : undefined)
  if (Array.isArray(schema.examples)) return schema.examples[0]
  if (typeof schema.$ref === 'string') return exampleOf(resolve(schema.$ref), resolve)
  if ('const' in schema) return schema.const
  if (Array.isArray(schema.enum)) return schema.enum[0]
  if ('default' in schema) return schema.default
  const [choice] = [schema.anyOf, schema.oneOf].flatMap((choices) => (Array.isArray(choices) ? choices : []))
  if (choice) return part(choice)
  const [type] = [schema.type].flat()
  if (type === 'object')
    return Object.fromEntries(
      Object.entries(isSchema(schema.properties) ? schema.properties : {})
        .map(([name, property]) => [name, part(property)])
        .filter(([, value]) => value !== undefined),
    )
  if (type === 'array') {
    if (Array.isArray(schema.prefixItems)) return schema.prefixItems.map(part)
    return isSchema(schema.items) ? [part(schema.items)] : []
  }
  return byFormat[String(schema.format)] ?? byType[String(type)]
}

const isSchema = (value: unknown): value is Schema =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
