import type { RawEvent } from '../channel.ts'
import { at, canonicalHash, isObject, type JsonObject, type JsonValue, listAt, objectAt, textAt } from '../json.ts'
import type { MediaRef } from '../neutral.ts'
import { timeOf } from '../time.ts'
import { type AnswerType, answersMax, type FormAnswer, linkedFile, type Submission } from './submission.ts'

/** Typeform's webhook, with its envelope or without. https://www.typeform.com/developers/webhooks/example-payload/ */
const responseOf = (body: JsonValue): JsonObject =>
  isObject(at(body, 'form_response')) ? objectAt(body, 'form_response') : isObject(body) ? body : {}

export const isTypeform = (body: JsonValue): boolean =>
  isObject(at(body, 'form_response')) || (textAt(body, 'token') !== undefined && isObject(at(body, 'definition')))

/** A retry keeps its `event_id`; the response itself is known by its token, whichever webhook tells of it. */
export function typeformEvent(body: JsonValue): RawEvent {
  const response = responseOf(body)
  const kind = (textAt(body, 'event_type') ?? 'form_response').toLowerCase().replaceAll(/[^a-z0-9_]/g, '_')
  const id = textAt(response, 'token') ?? textAt(body, 'event_id') ?? canonicalHash(body)
  return {
    account: null,
    dedupeKey: `${kind}:${id}`,
    lane: `submission:${id}`,
    kind: `typeform.${kind}`,
    occurredAt: timeOf(at(response, 'submitted_at')),
    payload: body,
  }
}

const types: Readonly<Record<string, AnswerType>> = {
  email: 'email',
  phone_number: 'phone',
  number: 'number',
  opinion_scale: 'number',
  rating: 'number',
  nps: 'number',
  yes_no: 'boolean',
  legal: 'boolean',
  boolean: 'boolean',
  multiple_choice: 'choices',
  picture_choice: 'choices',
  ranking: 'choices',
  choices: 'choices',
  dropdown: 'choice',
  choice: 'choice',
  date: 'date',
  website: 'url',
  url: 'url',
  file_upload: 'file',
  file_url: 'file',
  payment: 'payment',
}

export function typeformSubmission(payload: JsonValue): Submission | string {
  const response = responseOf(payload)
  const id = textAt(response, 'token') ?? textAt(payload, 'event_id')
  if (id === undefined) return 'no_submission_id'
  const titles = titlesOf(listAt(response, 'definition', 'fields'))
  const given = listAt(response, 'answers').filter(isObject).slice(0, answersMax)
  const answers = given.map((answer, index): FormAnswer => {
    const field = objectAt(answer, 'field')
    const fieldId = textAt(field, 'id') ?? `answer_${index + 1}`
    const ref = textAt(field, 'ref')
    // An answer can name a field that the definition does not have (any more).
    const label =
      titles.get(fieldId) ?? (ref === undefined ? undefined : titles.get(ref)) ?? readableRef(ref) ?? fieldId
    const said = textAt(answer, 'type')
    const type = types[textAt(field, 'type') ?? ''] ?? types[said ?? ''] ?? 'text'
    return { id: fieldId, ...(ref === undefined ? {} : { ref }), label, type, value: answerValue(answer, said) }
  })
  const hidden = Object.entries(objectAt(response, 'hidden'))
    .filter(([, value]) => value !== null && value !== '')
    .slice(0, answersMax)
    .map(([name, value]): FormAnswer => ({ id: name, label: name, type: 'hidden', value }))
  const media: MediaRef[] = given.flatMap((answer) => linkedFile(textAt(answer, 'file_url') ?? ''))
  const formId = textAt(response, 'form_id') ?? textAt(response, 'definition', 'id')
  const title = textAt(response, 'definition', 'title')
  return {
    id,
    ...(formId === undefined ? {} : { formId }),
    ...(title === undefined ? {} : { title }),
    submittedAt: timeOf(at(response, 'submitted_at')),
    answers: [...answers, ...hidden],
    media,
  }
}

/** Titles by id and by ref, through groups. */
function titlesOf(
  fields: readonly JsonValue[],
  found: Map<string, string> = new Map(),
  depth = 0,
): Map<string, string> {
  for (const field of fields) {
    const title = textAt(field, 'title')
    for (const key of [textAt(field, 'id'), textAt(field, 'ref')])
      if (key !== undefined && title !== undefined && !found.has(key)) found.set(key, title)
    if (depth < 5) titlesOf(listAt(field, 'properties', 'fields'), found, depth + 1)
  }
  return found
}

/** Makers of forms may name a field by its ref; else it is a UUID. */
const readableRef = (ref: string | undefined): string | undefined =>
  ref === undefined || /^[0-9a-f]{8}-[0-9a-f-]{27}$/i.test(ref) ? undefined : ref

/** The member of an answer is named as its type. */
function answerValue(answer: JsonObject, type: string | undefined): JsonValue {
  if (type === undefined) return null
  const value = at(answer, type) ?? null
  if (type === 'choice') return textAt(value, 'label') ?? textAt(value, 'other') ?? null
  if (type === 'choices') {
    const other = textAt(value, 'other')
    return [...listAt(value, 'labels'), ...(other === undefined ? [] : [other])]
  }
  return value
}
