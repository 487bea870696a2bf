import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { purposeForm } from '../db/purpose.ts'
import { type JsonSchema, Schemas } from './json-schema.ts'
import type { Operation } from './operation.ts'
import { errorsOf } from './operation-errors.ts'
import { overview } from './overview.ts'
import { headers, notModified, ProblemResponses, successOf } from './responses.ts'
import type { Route, RouteTable } from './route-table.ts'
import { documentationOf } from './schema.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Not part of the document: pages for people, and the document itself. */
    hidden?: boolean
  }
}

/** A chapter of the document: a noun, and what it is. */
export interface Chapter {
  name: string
  description: string
}

type DocumentedRoute = Route & { operation: Operation }

/**
 * The OpenAPI 3.1 document of the registered routes. The zod schemas that validate are the ones that are described, so
 * that it cannot say anything else than what is done.
 * @param serverUrl where the service is reached
 */
export function openApi(table: RouteTable, serverUrl: string, chapters: readonly Chapter[]): JsonSchema {
  const schemas = new Schemas()
  const problems = new ProblemResponses(schemas)
  const routes = documented(table)
  const paths = Map.groupBy(routes, ({ url }) => url.replaceAll(/:(\w+)/g, '{$1}'))
  const described = [...paths].map(([path, same]): [string, JsonSchema] => [
    path,
    Object.fromEntries(same.map((route) => [route.method.toLowerCase(), operationOf(route, schemas, problems)])),
  ])
  // The order of registration is nobody's business, and would make differences where there are none.
  described.sort(([a], [b]) => (a < b ? -1 : 1))
  const used = new Set(routes.map(({ operation }) => operation.tag))
  return {
    openapi: '3.1.0',
    info: {
      title: 'Custodia',
      version: '1.0.0',
      summary: 'A headless customer-data hub.',
      description: overview,
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: serverUrl, description: 'This installation.' }],
    security: [{ bearer: [] }],
    tags: chapters.filter(({ name }) => used.has(name)).map(({ name, description }) => ({ name, description })),
    paths: Object.fromEntries(described),
    components: {
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', description: 'The access token of a session, or an API key.' },
      },
      parameters,
      headers,
      responses: problems.components(),
      schemas: schemas.components(),
    },
  }
}

/** The operations that the document describes. HEAD and OPTIONS go without saying. */
export function documented(table: RouteTable): DocumentedRoute[] {
  return table.routes.flatMap((route): DocumentedRoute[] => {
    const { operation } = route.schema
    return !operation || route.config.hidden || route.method === 'HEAD' ? [] : [{ ...route, operation }]
  })
}

function operationOf(route: DocumentedRoute, schemas: Schemas, problems: ProblemResponses): JsonSchema {
  const { operation, config } = route
  const { consumes = ['application/json'] } = operation
  const body = operation.body && documentationOf(operation.body)
  const parameters = parametersOf(route, schemas)
  const successes = Object.entries(operation.response).map(([status, type]) => [
    status,
    successOf(operation, Number(status), type, schemas),
  ])
  const content = (schema: JsonSchema): JsonSchema =>
    Object.fromEntries(consumes.map((media) => [media, { schema, example: schemas.example(schema) }]))
  return {
    operationId: operation.id,
    summary: operation.summary,
    description: operation.description,
    tags: [operation.tag],
    ...(config.access ? {} : { security: [] }),
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(body
      ? { requestBody: { required: !body.safeParse(undefined).success, content: content(schemas.of(body, 'input')) } }
      : {}),
    responses: {
      ...Object.fromEntries(successes),
      ...(operation.etag && route.method === 'GET' ? { 304: notModified } : {}),
      ...problems.of(errorsOf(route, operation)),
    },
  }
}

/** Headers that many requests may carry. */
const parameters: Record<string, JsonSchema> = {
  Purpose: {
    name: 'X-Purpose',
    in: 'header',
    description:
      'The purpose of the request, for the audit: one word; left out: the usual one of whoever asks. `Custodia-Purpose` is the same.',
    schema: { type: 'string', pattern: purposeForm.source },
    example: 'support',
  },
  Ticket: {
    name: 'X-Ticket',
    in: 'header',
    description: 'Where it was asked for: the reference of a ticket. Kept sealed in the audit.',
    schema: { type: 'string', minLength: 1, maxLength: 100, pattern: '^[!-~]([ -~]*[!-~])?$' },
    example: 'SUP-2026-118',
  },
  IdempotencyKey: {
    name: 'Idempotency-Key',
    in: 'header',
    description:
      'A key of your own, unlike all others of the last 24 hours: a repetition of the request with the same key does nothing and answers the record again, as you may see it then.',
    schema: { type: 'string', minLength: 1, maxLength: 255, examples: ['6b1b6f5e-3a0f-4a51-9a55-9b0f5f0f1c11'] },
  },
  IfMatch: {
    name: 'If-Match',
    in: 'header',
    description: 'The ETag that the change is based on: 412 when the record has changed since.',
    schema: { type: 'string', examples: ['"2fJ0sIbm9q4sM0Uxyz0aWfK1p3d"'] },
  },
  RequiredIfMatch: {
    name: 'If-Match',
    in: 'header',
    required: true,
    description: 'The ETag that the change is based on: 412 when the record has changed since, 428 without it.',
    schema: { type: 'string', examples: ['"2fJ0sIbm9q4sM0Uxyz0aWfK1p3d"'] },
  },
  IfNoneMatch: {
    name: 'If-None-Match',
    in: 'header',
    description: 'The ETag that you have: 304 while it still holds.',
    schema: { type: 'string', examples: ['"2fJ0sIbm9q4sM0Uxyz0aWfK1p3d"'] },
  },
}

function parametersOf({ method, config, operation }: DocumentedRoute, schemas: Schemas): JsonSchema[] {
  const { params, querystring, headers: own, ifMatch, idempotent, etag } = operation
  const shared = [
    ...(ifMatch ? [ifMatch === 'required' ? 'RequiredIfMatch' : 'IfMatch'] : []),
    ...(etag && method === 'GET' ? ['IfNoneMatch'] : []),
    ...(idempotent ? ['IdempotencyKey'] : []),
    ...(config.access ? ['Purpose', 'Ticket'] : []),
  ]
  return [
    ...membersOf(params, 'path', schemas),
    ...membersOf(querystring, 'query', schemas),
    ...membersOf(own, 'header', schemas),
    ...shared.map((name) => ({ $ref: `#/components/parameters/${name}` })),
  ]
}

function membersOf(type: z.ZodType | undefined, place: 'path' | 'query' | 'header', schemas: Schemas): JsonSchema[] {
  const documented = type && documentationOf(type)
  if (!(documented instanceof z.ZodObject)) return []
  return Object.entries(documented.shape).map(([name, member]: [string, z.ZodType]) => {
    const { description, examples, ...schema } = schemas.of(member, 'input')
    const required = place === 'path' || !member.safeParse(undefined).success
    const example = Array.isArray(examples) ? examples[0] : schemas.example(schema)
    return {
      name,
      in: place,
      ...(required ? { required } : {}),
      description,
      // A list stands in one parameter, separated by commas.
      ...(schema.type === 'array' ? { style: 'form', explode: false } : {}),
      // Each member is a parameter of its own.
      ...(schema.type === 'object' ? { style: 'form', explode: true } : {}),
      // A page that tries requests out fills in the example of a parameter, and would send every filter there is.
      ...(required ? { schema, example } : { schema: { ...schema, examples: [example] } }),
    }
  })
}

/**
 * Holds every answer against the document: its status, its error's code, and the headers that the document promises or
 * keeps quiet about. For tests; an answer outside the document is a fault of ours.
 */
export function checkAgainstDocument(app: FastifyInstance): void {
  const noted = { etag: 'etag', location: 'location', 'idempotent-replayed': 'idempotent' } as const
  app.addHook('onSend', async (request, reply, payload) => {
    const { method, url, config, schema } = request.routeOptions
    const operation = schema?.operation
    const { statusCode } = reply
    if (!operation || !url || statusCode === 500) return payload
    const outside = (what: string): Error => {
      // Thrown here, an error keeps the status of the answer that it replaces.
      reply.code(500)
      return new Error(`${method} ${url} answers ${what}, which it does not document`)
    }
    if (statusCode >= 400) {
      const code = typeof payload === 'string' ? /"code":"(\w+)"/.exec(payload)?.[1] : undefined
      const codes: readonly string[] = errorsOf({ method: request.method, url, config }, operation)
      if (!codes.includes(String(code))) throw outside(`${statusCode} ${code}`)
    } else if (statusCode !== 304 && !(statusCode in operation.response)) throw outside(String(statusCode))
    else
      for (const [header, part] of Object.entries(noted))
        if (reply.hasHeader(header) && !operation[part as 'etag']) throw outside(header)
    return payload
  })
}
