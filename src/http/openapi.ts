import swagger from '@fastify/swagger'
import type { FastifyInstance } from 'fastify'
import { z } from 'zod'

type JsonSchema = { [key: string]: unknown }

/**
 * The OpenAPI 3.1 document, generated from the zod schemas that also validate. Schemas with an id become components;
 * the same id always means the same schema.
 */
export async function useOpenApi(app: FastifyInstance, serverUrl: string): Promise<void> {
  const components = new Map<string, JsonSchema>()
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Custodia',
        version: '1.0.0',
        summary: 'A headless customer-data hub.',
        description:
          'One API that takes in what customers say on every channel, keeps one contact and one history per person, shows each member only the fields that their role allows, and writes an audit event in the same transaction as every read or write.',
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
        contact: { name: 'Custodia' },
      } as never,
      servers: [{ url: serverUrl, description: 'This server.' }],
      components: {
        securitySchemes: {
          bearer: { type: 'http', scheme: 'bearer', description: 'An access token of a session, or an API key.' },
        },
      },
      security: [{ bearer: [] }],
    },
    transform: ({ schema, url, route }) => {
      if (!schema || route.config?.hidden) return { schema: { ...schema, hide: true }, url }
      const { params, querystring, body, headers, response, ...rest } = schema as Record<string, unknown>
      const parts = { params, querystring, body, headers }
      const converted = Object.fromEntries(
        Object.entries(parts).flatMap(([name, part]) =>
          part instanceof z.ZodType ? [[name, toJson(part, components, 'input', name !== 'body')]] : [],
        ),
      )
      const responses = Object.fromEntries(
        Object.entries((response ?? {}) as Record<string, unknown>).map(([status, type]) => [
          status,
          responseOf(Number(status), type, components),
        ]),
      )
      return { schema: { ...rest, ...converted, response: responses } as never, url }
    },
    transformObject: (document) => {
      if (!('openapiObject' in document)) return document.swaggerObject as never
      const { openapiObject } = document
      const schemas = Object.fromEntries([...components].sort(([a], [b]) => (a < b ? -1 : 1)))
      return {
        ...openapiObject,
        tags: tagsOf(openapiObject as never),
        components: { ...openapiObject.components, schemas },
      } as never
    },
  })
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Not part of the document: pages for people. */
    hidden?: boolean
  }
}

const statusTexts: Record<number, string> = {
  200: 'Done.',
  201: 'Made.',
  202: 'Accepted.',
  204: 'Done; there is no body.',
  400: 'The request is malformed or invalid.',
  401: 'No valid token or key.',
  403: 'Not allowed.',
  404: 'Missing, or out of your scope.',
  409: 'Conflicts with the current state.',
  410: 'Merged or erased.',
  412: 'If-Match does not match.',
  413: 'The body is too large.',
  415: 'The content type is not supported.',
  422: 'Understood, and refused by a rule.',
  428: 'If-Match is required.',
  429: 'Too many requests.',
  503: 'The service cannot answer now.',
}

function responseOf(status: number, type: unknown, components: Map<string, JsonSchema>): JsonSchema {
  const description = statusTexts[status] ?? 'The answer.'
  const schema = type instanceof z.ZodType ? toJson(type, components, 'output', false) : (type as JsonSchema)
  if (schema.type === 'null') return { description, type: 'null' }
  if (status >= 400) return { description, content: { 'application/problem+json': { schema } } }
  const media = typeof schema['x-media-type'] === 'string' ? schema['x-media-type'] : 'application/json'
  return { description, content: { [media]: { schema } } }
}

/** zod to JSON Schema 2020-12, with named parts moved to the components. */
function toJson(
  type: z.ZodType,
  components: Map<string, JsonSchema>,
  io: 'input' | 'output',
  flat: boolean,
): JsonSchema {
  const made = z.toJSONSchema(type, { io, unrepresentable: 'any', reused: 'inline', cycles: 'ref' }) as JsonSchema
  const { $schema: _schema, $defs, ...rest } = made
  for (const [name, definition] of Object.entries(($defs ?? {}) as Record<string, JsonSchema>))
    if (!components.has(name)) components.set(name, relink(definition) as JsonSchema)
  const linked = relink(rest) as JsonSchema
  const id = typeof linked.id === 'string' && !flat ? linked.id : null
  if (id === null) return linked
  const { id: _id, ...body } = linked
  if (!components.has(id)) components.set(id, body)
  return { $ref: `#/components/schemas/${id}` }
}

function relink(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(relink)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, inner]): [string, unknown][] => {
      if (key === '$ref' && typeof inner === 'string')
        return [[key, inner.replace('#/$defs/', '#/components/schemas/')]]
      return [[key, relink(inner)]]
    }),
  )
}

function tagsOf(document: {
  paths?: Record<string, Record<string, { tags?: string[] }>>
}): { name: string; description: string }[] {
  const names = new Set(
    Object.values(document.paths ?? {}).flatMap((path) =>
      Object.values(path).flatMap((operation) => operation.tags ?? []),
    ),
  )
  return [...names].sort().map((name) => ({ name, description: `Operations on ${name.replaceAll('-', ' ')}.` }))
}
