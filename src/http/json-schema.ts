import { isDeepStrictEqual } from 'node:util'
import { z } from 'zod'
import { exampleOf } from './example.ts'

export type JsonSchema = { [key: string]: unknown }

/** Which side of a schema is meant: what a client sends, or what it gets. */
export type Side = 'input' | 'output'

const prefix = '#/components/schemas/'

/** zod's schemas as JSON Schema 2020-12. Those with an id stand among the components, under that name, once. */
export class Schemas {
  readonly #named = new Map<string, JsonSchema>()

  /** @throws Error when two different schemas have the same id */
  of(type: z.ZodType, side: Side): JsonSchema {
    const {
      $schema: _,
      $defs,
      ...made
    } = z.toJSONSchema(type, {
      io: side,
      unrepresentable: 'any',
      override: ({ zodSchema, jsonSchema }) => soften(zodSchema, jsonSchema as JsonSchema, side),
    }) as JsonSchema
    for (const [id, definition] of entries($defs)) {
      const schema = tidy(definition, side)
      const known = this.#named.get(id)
      if (known && !isDeepStrictEqual(known, schema)) throw new Error(`two schemas are called ${id}`)
      this.#named.set(id, schema)
    }
    return this.#explained(tidy(made, side))
  }

  /** The named schemas in alphabetical order, each with an example. */
  components(): Record<string, JsonSchema> {
    const sorted = [...this.#named].sort(([a], [b]) => (a < b ? -1 : 1))
    return Object.fromEntries(
      sorted.map(([id, schema]) => [id, { ...this.#explained(schema), examples: [this.example(schema)] }]),
    )
  }

  /** A value that the schema describes: its own example, else one made of the examples of its parts. */
  example(schema: JsonSchema): unknown {
    return exampleOf(schema, (ref) => this.#resolve(ref))
  }

  #resolve(ref: string): JsonSchema {
    const found = this.#named.get(ref.slice(prefix.length))
    if (!found) throw new Error(`${ref} leads nowhere`)
    return found
  }

  /** A property that is a named schema says what that one says, unless it has words of its own. */
  #explained(schema: JsonSchema): JsonSchema {
    return walk(schema, (node, isProperty) => {
      if (!isProperty || node.description !== undefined) return node
      const refs = [node, ...(Array.isArray(node.anyOf) ? node.anyOf : [])].flatMap(({ $ref }: JsonSchema) =>
        typeof $ref === 'string' ? [$ref] : [],
      )
      const [ref] = refs
      return ref === undefined ? node : { ...node, description: this.#resolve(ref).description }
    })
  }
}

/** In answers nothing is promised that would have to be broken later. */
function soften(type: z.core.$ZodType, schema: JsonSchema, side: Side): void {
  const { def } = type._zod
  // The format says it already; zod's pattern fills half a screen.
  if (schema.format === 'date-time' || schema.format === 'date') delete schema.pattern
  // Any UUID: the contract is its form, not its version.
  if (schema.format === 'uuid' && (side === 'output' || ('format' in def && def.format === 'guid')))
    delete schema.pattern
  if (side === 'input') return
  // Answers may gain members: only what is strict on its own account stays closed.
  if (def.type === 'object' && !('catchall' in def && def.catchall)) delete schema.additionalProperties
  if (schema.maximum === Number.MAX_SAFE_INTEGER) delete schema.maximum
  if (schema.minimum === Number.MIN_SAFE_INTEGER) delete schema.minimum
}

/**
 * References to the components, `null` as one more type, examples as JSON Schema has them. Defaults of what is sent are
 * told in words: generators take a member that has a default for one that is always there.
 */
function tidy(schema: JsonSchema, side: Side): JsonSchema {
  return walk(schema, (node) => {
    const { example, propertyNames, default: preset, ...rest } = node
    const tidied: JsonSchema = example === undefined ? rest : { ...rest, examples: [example] }
    // What every name is anyway need not be said.
    if (isSchema(propertyNames) && 'pattern' in propertyNames) tidied.propertyNames = { pattern: propertyNames.pattern }
    if (preset !== undefined && side === 'output') tidied.default = preset
    if (preset !== undefined && side === 'input' && typeof preset !== 'object')
      tidied.description = `${tidied.description ?? ''} Left out: ${preset}.`.trim()
    if (typeof tidied.$ref === 'string') tidied.$ref = tidied.$ref.replace('#/$defs/', prefix)
    return nullable(tidied)
  })
}

/** `anyOf [X, null]` is X with one more type; words and examples of X are those of the whole. */
function nullable(schema: JsonSchema): JsonSchema {
  const { anyOf, ...outer } = schema
  if (!Array.isArray(anyOf)) return schema
  const others = anyOf.filter((one: JsonSchema) => one.type !== 'null')
  const [only] = others as JsonSchema[]
  if (others.length === anyOf.length || others.length !== 1 || !only) return schema
  if (typeof only.type === 'string') {
    const choices = Array.isArray(only.enum) ? { enum: [...only.enum, null] } : {}
    return { ...only, ...choices, ...outer, type: [only.type, 'null'] }
  }
  const { description, examples, ...inner } = only
  const said = { ...(description ? { description } : {}), ...(examples ? { examples } : {}) }
  return { anyOf: [inner, { type: 'null' }], ...said, ...outer }
}

/** Rebuilds a schema from its leaves up; `change` is told whether the node is a property of an object. */
export function walk(
  schema: JsonSchema,
  change: (node: JsonSchema, isProperty: boolean) => JsonSchema,
  isProperty = false,
): JsonSchema {
  const node = { ...schema }
  for (const key of ['items', 'additionalProperties', 'not', 'contentSchema'])
    if (isSchema(node[key])) node[key] = walk(node[key], change)
  for (const key of ['anyOf', 'oneOf', 'allOf', 'prefixItems']) {
    const parts = node[key]
    if (Array.isArray(parts)) node[key] = parts.map((part) => walk(part, change))
  }
  if (isSchema(node.properties))
    node.properties = Object.fromEntries(
      entries(node.properties).map(([name, property]) => [name, walk(property, change, true)]),
    )
  return change(node, isProperty)
}

const isSchema = (value: unknown): value is JsonSchema =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const entries = (value: unknown): [string, JsonSchema][] =>
  isSchema(value) ? Object.entries(value).filter((entry): entry is [string, JsonSchema] => isSchema(entry[1])) : []
