import type { FastifyInstance, FastifySchemaCompiler } from 'fastify'
import { z } from 'zod'
import { unknownField } from '../db/rows.ts'
import { catalogue, type ErrorCode, type Fault, Problem } from '../errors.ts'
import { errorTable } from './overview.ts'

/**
 * zod is what Fastify validates with: the same schemas give the types, the checks and the OpenAPI document.
 * Answers are written with JSON.stringify, since the door for fields has decided what is in them; with `checkAnswers`
 * (tests) every answer is held against its schema, and one outside it is a fault of ours.
 */
export function useZod(app: FastifyInstance, checkAnswers: boolean): void {
  const compile: FastifySchemaCompiler<z.ZodType> = ({ schema, httpPart }) => {
    // Headers are described for readers; whoever uses one checks it.
    if (httpPart === 'headers') return (data: unknown) => ({ value: data })
    return (data: unknown) => {
      // zod drops this one name silently; as a parameter it is as unknown as any other.
      if (httpPart === 'querystring' && typeof data === 'object' && data !== null && Object.hasOwn(data, '__proto__'))
        return { error: new Problem('invalid_request', { errors: [unknownField('__proto__', '__proto__')] }) }
      const result = schema.safeParse(data)
      if (result.success) return { value: result.data }
      return { error: new Problem('invalid_request', { errors: faultsOf(result.error, httpPart ?? 'body') }) }
    }
  }
  app.setValidatorCompiler(compile)
  app.setSerializerCompiler(({ schema, httpStatus }) => {
    const type: unknown = schema
    return (data: unknown) => {
      if (checkAnswers && type instanceof z.ZodType && !String(httpStatus).startsWith('4')) {
        const checked = type.safeParse(data)
        if (!checked.success) throw new Error(`the answer is outside its schema: ${z.prettifyError(checked.error)}`)
      }
      return JSON.stringify(data)
    }
  })
}

const documentations = new WeakMap<z.ZodType, () => z.ZodType>()

/**
 * Checks with one schema and describes with another: a list documents hundreds of filters, which the door for fields
 * checks in its own way. What is documented is made when the document is, since nothing else needs it in memory.
 */
export function described<T extends z.ZodType>(documented: () => z.ZodType, checked: T): T {
  documentations.set(checked, documented)
  return checked
}

/** What a part of a request looks like to whoever reads the document. */
export const documentationOf = (checked: z.ZodType): z.ZodType => documentations.get(checked)?.() ?? checked

/** zod's issues as faults: a JSON pointer into the body, a parameter's name elsewhere. */
export function faultsOf(error: z.ZodError, part: string): Fault[] {
  const at = (path: readonly PropertyKey[]): string =>
    part === 'body'
      ? path.map((step) => `/${String(step).replaceAll('~', '~0').replaceAll('/', '~1').slice(0, 100)}`).join('')
      : path.map(String).join('.').slice(0, 200)
  return error.issues
    .flatMap(meantIssues)
    .slice(0, 50)
    .flatMap((issue): Fault[] => {
      if (issue.code === 'unrecognized_keys')
        return issue.keys.slice(0, 50).map((key) => ({
          path: at([...issue.path, key]),
          code: 'unknown_field',
          message: `"${key.slice(0, 100)}" cannot be used here.`,
        }))
      return [{ path: at(issue.path), code: issue.code, message: issue.message }]
    })
}

type Issue = z.core.$ZodIssue

/**
 * What fits none of several forms is told by the one that it comes nearest to; where none is nearer than the others, by
 * the names that they begin with.
 */
function meantIssues(issue: Issue): Issue[] {
  if (issue.code !== 'invalid_union' || issue.errors.length === 0) return [issue]
  const fewest = Math.min(...issue.errors.map((form) => form.length))
  const [nearest = [], ...others] = issue.errors.filter((form) => form.length === fewest)
  if (others.length === 0) return nearest.flatMap((one) => meantIssues({ ...one, path: [...issue.path, ...one.path] }))
  const unknown = issue.errors.flatMap((form) => {
    const keys = form.flatMap((one) => (one.code === 'unrecognized_keys' ? one.keys : []))
    return keys.length === 0 ? [] : [keys]
  })
  const isOfNone = (key: string): boolean => unknown.every((keys) => keys.includes(key))
  const missing = issue.errors.flatMap((form) =>
    form.flatMap(({ path: [name, ...more] }) => (more.length === 0 ? (name ?? []) : [])),
  )
  const names = new Set([...missing.map(String), ...unknown.flat().filter((key) => !isOfNone(key))])
  return names.size === 0 ? [issue] : [{ ...issue, message: `Has exactly one of these: ${[...names].join(', ')}` }]
}

const codes = Object.keys(catalogue) as [ErrorCode, ...ErrorCode[]]

/** Members of every error answer. */
export const problemSchema = z
  .object({
    type: z.string().meta({
      description: 'The code as a URN; it resolves to nothing, so that it is the same wherever the service lives.',
      example: 'urn:custodia:problem:not_found',
    }),
    title: z.string().meta({ description: 'The kind of error, for people.', example: 'There is no such record.' }),
    status: z.int().meta({ description: 'The HTTP status.', example: 404 }),
    detail: z
      .string()
      .optional()
      .meta({ description: 'What it was about this time.', example: 'Rights are changing too quickly.' }),
    code: z.enum(codes).meta({ description: 'The stable code to program against.', example: 'not_found' }),
    requestId: z.string().meta({
      description: 'Names the request in our logs and in the audit.',
      example: '0199f3a2-7c10-7a44-9d55-0d1f3b6c2a11',
    }),
    errors: z
      .array(
        z.object({
          path: z
            .string()
            .meta({ description: 'A JSON pointer into the body, or the name of a parameter.', example: '/email' }),
          code: z.string().meta({ description: 'The kind of fault; may grow.', example: 'invalid_format' }),
          message: z.string().meta({ description: 'The fault, for people.', example: 'Invalid email address' }),
        }),
      )
      .optional()
      .meta({ description: 'The single faults of a request.' }),
    existingId: z.uuid().optional().meta({
      description: 'The record that is there already, for whoever sees it.',
      example: '0199f3a2-7c10-7a44-9d55-0d1f3b6c2a11',
    }),
    tenants: z
      .array(
        z.object({
          id: z.uuid().meta({ description: 'The tenant’s id.', example: '0199f3a2-7c10-7a44-9d55-0d1f3b6c2a11' }),
          name: z.string().meta({ description: 'The tenant’s name.', example: 'Outdoor GmbH' }),
        }),
      )
      .optional()
      .meta({ description: 'The tenants that a login could mean.' }),
  })
  .meta({
    id: 'Problem',
    description: `An error (RFC 9457).\n\n${errorTable}`,
    example: {
      type: 'urn:custodia:problem:invalid_request',
      title: 'The request is not valid.',
      status: 400,
      code: 'invalid_request',
      requestId: '0199f3a2-7c10-7a44-9d55-0d1f3b6c2a11',
      errors: [{ path: '/email', code: 'invalid_format', message: 'Invalid email address' }],
    },
  })

// In the one form that the audit, job keys and sealed notes know: in capitals it would be the same record there, and
// would not be found by its id.
export const idParams = z.object({
  id: z.uuid().toLowerCase().meta({ description: 'The record’s id.', example: '0199f3a2-7c10-7a44-9d55-0d1f3b6c2a11' }),
})

/** An answer without a body. */
export const noContent = z.null().meta({ description: 'Done; there is no body.' })
