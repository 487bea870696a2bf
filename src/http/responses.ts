import { z } from 'zod'
import { catalogue, type ErrorCode } from '../errors.ts'
import type { JsonSchema, Schemas } from './json-schema.ts'
import type { Operation } from './operation.ts'
import { problemSchema } from './schema.ts'

/** Headers of answers, once for the whole document. */
export const headers: Record<string, JsonSchema> = {
  'Request-Id': {
    description: 'Names the request in the logs and in the audit: the one that was sent, or a new one.',
    required: true,
    schema: { type: 'string', examples: ['0199f3a2-7c10-7a44-9d55-0d1f3b6c2a11'] },
  },
  RateLimit: {
    description: 'What is left: `r` requests for the next `t` seconds. Absent where no limit is set.',
    schema: { type: 'string', examples: ['"default";r=5998;t=60'] },
  },
  'RateLimit-Policy': {
    description: 'The limit: `q` requests in `w` seconds. Absent where no limit is set.',
    schema: { type: 'string', examples: ['"default";q=6000;w=60'] },
  },
  ETag: {
    description: 'Changes whenever what you see of the record changes; for If-Match and If-None-Match.',
    required: true,
    schema: { type: 'string', examples: ['"2fJ0sIbm9q4sM0Uxyz0aWfK1p3d"'] },
  },
  Location: {
    description: 'The path of the record.',
    required: true,
    schema: {
      type: 'string',
      format: 'uri-reference',
      examples: ['/v1/contacts/0199f3a2-7c10-7a44-9d55-0d1f3b6c2a11'],
    },
  },
  'Idempotent-Replayed': {
    description: '`true` when the request with this Idempotency-Key was done before: nothing was done now.',
    schema: { type: 'string', enum: ['true'], examples: ['true'] },
  },
  'Retry-After': {
    description: 'In how many seconds another attempt makes sense.',
    schema: { type: 'string', pattern: '^\\d+$', examples: ['12'] },
  },
  'WWW-Authenticate': {
    description: 'How to authenticate.',
    required: true,
    schema: { type: 'string', examples: ['Bearer realm="custodia"'] },
  },
}

const everywhere = ['Request-Id', 'RateLimit', 'RateLimit-Policy']
const ofStatus: Record<number, readonly string[]> = {
  401: ['WWW-Authenticate'],
  409: ['Retry-After'],
  429: ['Retry-After'],
  503: ['Retry-After'],
}

const referred = (names: readonly string[]): JsonSchema =>
  Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]))

const successes: Record<number, string> = {
  200: 'Done.',
  201: 'Made.',
  202: 'Accepted; it will be done.',
  204: 'Done; there is no body.',
  303: 'Done; the answer is elsewhere.',
}

/** What an operation answers when it succeeds. */
export function successOf(operation: Operation, status: number, type: z.ZodType, schemas: Schemas): JsonSchema {
  const { etag, location, idempotent, answerHeaders = {}, produces = ['application/json'] } = operation
  const own = Object.entries(answerHeaders).map(([name, description]) => [
    name,
    { description, schema: { type: 'string' } },
  ])
  const names = [
    ...everywhere,
    ...(etag && status !== 204 ? ['ETag'] : []),
    ...((Array.isArray(location) ? location.includes(status) : location && status !== 200) ? ['Location'] : []),
    ...(idempotent ? ['Idempotent-Replayed'] : []),
  ]
  const answer = {
    description: successes[status] ?? 'Done.',
    headers: { ...referred(names), ...Object.fromEntries(own) },
  }
  if (type instanceof z.ZodNull) return answer
  const schema = schemas.of(type, 'output')
  const media = produces.map((one) => [one, { schema, example: schemas.example(schema) }])
  return { ...answer, content: Object.fromEntries(media) }
}

export const notModified: JsonSchema = {
  description: 'You have it: If-None-Match still holds. There is no body.',
  headers: referred([...everywhere, 'ETag']),
}

/** The errors of one status. The same set of codes is the same component, named by them. */
export class ProblemResponses {
  readonly #schemas: Schemas
  readonly #named = new Map<string, JsonSchema>()

  constructor(schemas: Schemas) {
    this.#schemas = schemas
  }

  /** By status, the responses for the codes that an operation can answer. */
  of(codes: readonly ErrorCode[]): Record<string, JsonSchema> {
    const byStatus = Map.groupBy(codes, (code) => catalogue[code][0])
    return Object.fromEntries(
      [...byStatus].map(([status, same]) => [status, { $ref: `#/components/responses/${this.#name(status, same)}` }]),
    )
  }

  components(): Record<string, JsonSchema> {
    return Object.fromEntries([...this.#named].sort(([a], [b]) => (a < b ? -1 : 1)))
  }

  #name(status: number, codes: readonly ErrorCode[]): string {
    const name = codes.map(pascal).join('Or')
    if (!this.#named.has(name)) this.#named.set(name, this.#response(status, codes))
    return name
  }

  #response(status: number, codes: readonly ErrorCode[]): JsonSchema {
    const problem = this.#schemas.of(problemSchema, 'output')
    return {
      description: codes.map((code) => `\`${code}\`: ${catalogue[code][1]}`).join('\n\n'),
      headers: referred([...everywhere, ...(ofStatus[status] ?? [])]),
      content: {
        'application/problem+json': {
          schema: {
            allOf: [
              problem,
              {
                type: 'object',
                properties: {
                  status: { description: 'The HTTP status.', const: status, type: 'integer' },
                  code: { description: 'The stable code to program against.', type: 'string', enum: codes },
                },
              },
            ],
          },
          examples: Object.fromEntries(codes.map((code) => [code, { value: exampleProblem(code) }])),
        },
      },
    }
  }
}

const exampleProblem = (code: ErrorCode): JsonSchema => ({
  type: `urn:custodia:problem:${code}`,
  title: catalogue[code][1],
  status: catalogue[code][0],
  code,
  requestId: '0199f3a2-7c10-7a44-9d55-0d1f3b6c2a11',
})

const pascal = (code: string): string =>
  code
    .split('_')
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join('')
