import { z } from 'zod'
import type { Resource } from '../access/define.ts'
import { canBeMerged, leavesTombstone } from '../access/tombstone.ts'
import type { ErrorCode } from '../errors.ts'
import type { CollectionOptions } from './collection.ts'
import { includeParameter, listParameters, searchBody } from './list-parameters.ts'
import { type OperationSchema, operation } from './operation.ts'
import { idParams, noContent } from './schema.ts'

type Verb = 'list' | 'search' | 'fetch' | 'create' | 'change' | 'trash' | 'restore'

/** The schemas of the routes that every noun has; which of them are registered is the collection's affair. */
export function collectionOperations(options: CollectionOptions): Record<Verb, OperationSchema> {
  const { resource, include = [], searchable = false, errors = {} } = options
  const names = include.map(({ name }) => name)
  const all = resource.name.replaceAll('-', ' ')
  const one = withArticle(resource.title)
  const below = options.parent ? { params: idParams } : {}
  const ifMatch = options.ifMatchRequired ? 'required' : 'optional'
  const answer = answerOf(options)
  const page = pageOf(resource, answer)
  const erased = goneErrors(resource)
  const above = options.parent ? goneErrors(options.parent.resource) : []
  return {
    list: operation(`${resource.name}.list`, `List ${all}`, {
      ...below,
      querystring: listParameters(resource, names, searchable),
      response: { 200: page },
      errors: ['invalid_cursor', 'quota_exceeded', ...above],
      description: `A page of the ${all} that you may see. ${resource.description}`,
    }),
    search: operation(`${resource.name}.search`, `Search ${all} by body`, {
      ...below,
      body: searchBody(resource, names, searchable),
      response: { 200: page },
      errors: ['invalid_cursor', 'unprocessable', 'quota_exceeded', ...above],
      description: `The same as the list, asked for by body: personal data need not stand in a URL, and conditions can be joined.`,
    }),
    fetch: operation(`${resource.name}.fetch`, `Fetch ${one}`, {
      params: idParams,
      ...(names.length > 0 ? { querystring: includeParameter(names) } : {}),
      response: { 200: answer },
      errors: erased,
      etag: true,
      description: resource.description,
    }),
    create: operation(`${resource.name}.create`, `Create ${one}`, {
      ...below,
      body: resource.createBody,
      response: { 201: options.createdAnswer ?? resource.answer },
      errors: ['already_exists', 'unprocessable', ...above, ...(errors.create ?? [])],
      idempotent: true,
      location: true,
      description: 'Answers the record as you may see it.',
    }),
    change: operation(`${resource.name}.change`, `Change ${one}`, {
      params: idParams,
      body: resource.patchBody,
      response: { 200: resource.answer },
      errors: ['already_exists', 'unprocessable', 'masked_value', ...erased, ...(errors.change ?? [])],
      etag: true,
      ifMatch,
      consumes: ['application/merge-patch+json', 'application/json'],
      description:
        'A JSON merge patch: members that are left out stay, null removes a value, lists are replaced whole.',
    }),
    trash: operation(`${resource.name}.trash`, `Move ${one} to the trash`, {
      params: idParams,
      response: { 204: noContent },
      errors: [...erased, ...(errors.trash ?? [])],
      ifMatch,
      description: 'It is gone from lists, and comes back whole with `restore`. Nothing else goes with it.',
    }),
    restore: operation(`${resource.name}.restore`, `Bring ${one} back from the trash`, {
      params: idParams,
      response: { 200: resource.answer },
      errors: ['already_exists', ...erased, ...(errors.restore ?? [])],
      etag: true,
      idempotent: true,
      description: 'Answers the record as you may see it.',
    }),
  }
}

/** What is answered of a record that is gone for good. */
export const goneErrors = (resource: Resource): ErrorCode[] => [
  ...(leavesTombstone(resource) ? (['erased'] as const) : []),
  ...(canBeMerged(resource) ? (['gone'] as const) : []),
]

function answerOf({ resource, include = [] }: CollectionOptions): z.ZodObject {
  if (include.length === 0) return resource.answer
  const included = include.map(({ name, model }) => [
    name,
    (model as Resource).answer
      .nullable()
      .optional()
      .meta({ description: `Answered with \`include=${name}\`.` }),
  ])
  return resource.answer
    .extend(Object.fromEntries(included))
    .meta({ id: `${resource.title}Item`, description: resource.description })
}

/** A page of a list. */
export const pageOf = (resource: Resource, answer: z.ZodObject): z.ZodObject =>
  z
    .object({
      data: z.array(answer).meta({ description: 'The records of this page.' }),
      nextCursor: z
        .string()
        .nullable()
        .meta({ description: 'Where the next page begins, for `cursor`; null on the last page.', example: null }),
    })
    .meta({ id: `${resource.title}Page`, description: `A page of ${resource.name.replaceAll('-', ' ')}.` })

/** "ApiKey" -> "an API key" */
function withArticle(title: string): string {
  const words = title
    .replaceAll(/(?<=[a-z])(?=[A-Z])/g, ' ')
    .toLowerCase()
    .replace(/^api\b/, 'API')
  return `${/^[aeiou]/i.test(words) ? 'an' : 'a'} ${words}`
}
