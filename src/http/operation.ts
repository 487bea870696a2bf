import type { z } from 'zod'
import type { ErrorCode } from '../errors.ts'

/** What is special about an operation; what its method and its guard imply needs no word. */
interface Parts {
  params?: z.ZodType
  querystring?: z.ZodType
  body?: z.ZodType
  /** Request headers of its own, for the document; whoever uses one checks it. */
  headers?: z.ZodObject
  /** What a success answers, by status; `noContent` for nothing. */
  response: Record<number, z.ZodType>
  description?: string
  /** Errors beyond those of every operation of its kind; see `errorsOf`. */
  errors?: readonly ErrorCode[]
  /** Whether the operation takes If-Match. */
  ifMatch?: 'optional' | 'required'
  /** Repeating it with the same Idempotency-Key does it once: its handler uses `changeOnce`. */
  idempotent?: boolean
  /** The answer is one record with its ETag; a GET takes If-None-Match. */
  etag?: boolean
  /** The answer says in Location where the record is, or where to go; a list: those of these statuses do. */
  location?: boolean | readonly number[]
  /** Further headers of the success, with their descriptions. */
  answerHeaders?: Readonly<Record<string, string>>
  /** Media types of the body; JSON when left out. */
  consumes?: readonly string[]
  /** Media types of the success; JSON when left out. */
  produces?: readonly string[]
}

/** An operation's entry in the document, as its route says it. */
export interface Operation extends Parts {
  /** "contactsList": the noun and what is done. */
  id: string
  summary: string
  description: string
  tag: string
}

declare module 'fastify' {
  interface FastifySchema {
    operation?: Operation
  }
}

export interface OperationSchema {
  params?: z.ZodType
  querystring?: z.ZodType
  body?: z.ZodType
  response: Record<number, z.ZodType>
  operation: Operation
}

/**
 * A route's schema: validation, answers, and its entry in the OpenAPI document.
 * @param name "contacts.list": the noun and what is done
 */
export function operation(name: string, summary: string, parts: Parts): OperationSchema {
  const [noun = '', verb = ''] = name.split('.')
  const camel = noun.replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase())
  const { params, querystring, body, response } = parts
  return {
    ...(params ? { params } : {}),
    ...(querystring ? { querystring } : {}),
    ...(body ? { body } : {}),
    response,
    operation: {
      ...parts,
      id: `${camel}${verb.charAt(0).toUpperCase()}${verb.slice(1)}`,
      summary,
      description: parts.description ?? `${summary}.`,
      tag: noun,
    },
  }
}
