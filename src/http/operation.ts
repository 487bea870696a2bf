import { z } from 'zod'
import { problemSchema } from './schema.ts'

interface Parts {
  params?: z.ZodType
  querystring?: z.ZodType
  body?: z.ZodType
  headers?: z.ZodType
  response: Record<number, z.ZodType>
  /** Whether the operation takes If-Match. */
  ifMatch?: 'optional' | 'required'
  description?: string
  /** Error statuses beyond those that every such operation has. */
  errors?: readonly number[]
  /** No token needed. */
  open?: boolean
  consumes?: readonly string[]
  produces?: readonly string[]
}

export interface OperationSchema {
  operationId: string
  summary: string
  description?: string
  tags: string[]
  params?: z.ZodType
  querystring?: z.ZodType
  body?: z.ZodType
  headers?: z.ZodType
  response: Record<number, z.ZodType>
  security?: []
  consumes?: string[]
  produces?: string[]
}

/**
 * A route's schema: validation, answers, and its entry in the OpenAPI document with every error that it can answer.
 * @param id "contacts.list": the noun and what is done
 */
export function operation(id: string, summary: string, parts: Parts): OperationSchema {
  const [noun = '', verb = ''] = id.split('.')
  const writes = parts.body !== undefined || ['create', 'change', 'trash', 'restore'].includes(verb)
  const statuses = new Set<number>([400, 429, 503, ...(parts.errors ?? [])])
  if (!parts.open) for (const status of [401, 403]) statuses.add(status)
  if (parts.params) statuses.add(404)
  if (parts.body) for (const status of [413, 415]) statuses.add(status)
  if (writes && !['list', 'search', 'fetch'].includes(verb)) for (const status of [409, 422]) statuses.add(status)
  if (parts.ifMatch) statuses.add(412)
  if (parts.ifMatch === 'required') statuses.add(428)
  const response: Record<number, z.ZodType> = { ...parts.response }
  for (const status of [...statuses].sort()) response[status] ??= problemSchema
  const headers = headersOf(id, parts, verb)
  return {
    operationId: verb
      ? `${noun.replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase())}${verb[0]?.toUpperCase()}${verb.slice(1)}`
      : noun,
    summary,
    description: parts.description ?? `${summary}.`,
    tags: [noun],
    ...(parts.params ? { params: parts.params } : {}),
    ...(parts.querystring ? { querystring: parts.querystring } : {}),
    ...(parts.body ? { body: parts.body } : {}),
    ...(headers ? { headers } : {}),
    response,
    ...(parts.open ? { security: [] as [] } : {}),
    ...(parts.consumes ? { consumes: [...parts.consumes] } : {}),
    ...(parts.produces ? { produces: [...parts.produces] } : {}),
  }
}

function headersOf(id: string, parts: Parts, verb: string): z.ZodType | undefined {
  const shape: Record<string, z.ZodType> = {}
  if (parts.ifMatch) {
    const about = z
      .string()
      .max(500)
      .meta({ description: 'The ETag that the change is based on.', example: '"2fJ0sIbm9q4sM0Uxyz0aWfK1p3d"' })
    shape['if-match'] =
      parts.ifMatch === 'required'
        ? about.optional().meta({ description: 'The ETag that the change is based on; required (428).' })
        : about.optional()
  }
  if (verb === 'fetch')
    shape['if-none-match'] = z
      .string()
      .max(500)
      .optional()
      .meta({ description: 'The ETag that the client has: 304 when it still holds.' })
  if (!parts.open && parts.body && !['search', 'change'].includes(verb) && !id.startsWith('sessions'))
    shape['idempotency-key'] = z.string().max(255).optional().meta({
      description: 'Makes a repetition of the request harmless for 24 hours.',
      example: '6b1b6f5e-3a0f-4a51-9a55-9b0f5f0f1c11',
    })
  if (!parts.open)
    shape['custodia-purpose'] = z
      .string()
      .max(100)
      .optional()
      .meta({ description: 'The purpose of the request, for the audit.', example: 'support' })
  return Object.keys(shape).length > 0 ? z.looseObject(shape) : undefined
}
