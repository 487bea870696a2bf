import type { RawEvent } from '../channel.ts'
import { at, canonicalHash, isObject, type JsonObject, type JsonValue, listAt, textAt } from '../json.ts'
import { timeOf } from '../time.ts'
import { type AnswerType, answersMax, type FormAnswer, linkedFile, type Submission } from './submission.ts'

/** Tally's webhook. https://tally.so/help/webhooks */
export const isTally = (body: JsonValue): boolean => Array.isArray(at(body, 'data', 'fields'))

const idOf = (body: JsonValue): string | undefined =>
  textAt(body, 'data', 'submissionId') ?? textAt(body, 'data', 'responseId') ?? textAt(body, 'eventId')

export function tallyEvent(body: JsonValue): RawEvent {
  const kind = (textAt(body, 'eventType') ?? 'FORM_RESPONSE').toLowerCase().replaceAll(/[^a-z0-9_]/g, '_')
  const id = idOf(body) ?? canonicalHash(body)
  const respondent = textAt(body, 'data', 'respondentId')
  return {
    account: null,
    dedupeKey: `${kind}:${id}`,
    lane: respondent === undefined ? `submission:${id}` : `respondent:${respondent}`,
    kind: `tally.${kind}`,
    occurredAt: timeOf(at(body, 'data', 'createdAt')) ?? timeOf(at(body, 'createdAt')),
    payload: body,
  }
}

const types: Readonly<Record<string, AnswerType>> = {
  INPUT_EMAIL: 'email',
  INPUT_PHONE_NUMBER: 'phone',
  INPUT_NUMBER: 'number',
  RATING: 'number',
  LINEAR_SCALE: 'number',
  INPUT_LINK: 'url',
  INPUT_DATE: 'date',
  INPUT_TIME: 'text',
  CHECKBOXES: 'choices',
  MULTIPLE_CHOICE: 'choice',
  DROPDOWN: 'choice',
  MULTI_SELECT: 'choices',
  RANKING: 'choices',
  MATRIX: 'other',
  FILE_UPLOAD: 'file',
  SIGNATURE: 'file',
  PAYMENT: 'payment',
  HIDDEN_FIELDS: 'hidden',
  CALCULATED_FIELDS: 'hidden',
}

export function tallySubmission(payload: JsonValue): Submission | string {
  const id = idOf(payload)
  if (id === undefined) return 'no_submission_id'
  const fields = listAt(payload, 'data', 'fields').filter(isObject).slice(0, answersMax)
  const withOptions = fields.flatMap((field) => {
    const key = textAt(field, 'key')
    return key !== undefined && textAt(field, 'type') === 'CHECKBOXES' && Array.isArray(field.value) ? [key] : []
  })
  const answers = fields.map((field, index): FormAnswer => {
    const key = textAt(field, 'key') ?? `field_${index + 1}`
    const type = types[textAt(field, 'type') ?? ''] ?? 'text'
    // Every box of a list comes once more by itself.
    const isRepeated = withOptions.some((list) => key.startsWith(`${list}_`))
    const value = answerValue(field)
    return {
      id: key,
      label: textAt(field, 'label') ?? key,
      type: typeof value === 'boolean' ? 'boolean' : type,
      value,
      ...(isRepeated ? { isRepeated } : {}),
    }
  })
  const media = fields
    .filter((field) => types[textAt(field, 'type') ?? ''] === 'file')
    .flatMap((field) => listAt(field, 'value'))
    .flatMap((file) => linkedFile(textAt(file, 'url') ?? '', textAt(file, 'name'), textAt(file, 'mimeType')))
  const respondent = textAt(payload, 'data', 'respondentId')
  const formId = textAt(payload, 'data', 'formId')
  const title = textAt(payload, 'data', 'formName')
  return {
    id,
    ...(respondent === undefined ? {} : { respondent }),
    ...(formId === undefined ? {} : { formId }),
    ...(title === undefined ? {} : { title }),
    submittedAt: timeOf(at(payload, 'data', 'createdAt')) ?? timeOf(at(payload, 'createdAt')),
    answers,
    media,
  }
}

/** What was chosen comes as ids of options. */
function answerValue(field: JsonObject): JsonValue {
  const texts = new Map(
    listAt(field, 'options').flatMap((option): [string, string][] => {
      const id = textAt(option, 'id')
      return id === undefined ? [] : [[id, textAt(option, 'text') ?? textAt(option, 'name') ?? id]]
    }),
  )
  const value = field.value ?? null
  const named = (one: JsonValue): JsonValue => (typeof one === 'string' ? (texts.get(one) ?? one) : one)
  if (types[textAt(field, 'type') ?? ''] === 'file')
    return listAt(field, 'value').map((file) => textAt(file, 'name') ?? textAt(file, 'url') ?? null)
  if (isObject(value)) return matrixOf(field, value)
  if (!Array.isArray(value)) return named(value)
  const all = value.map(named)
  return types[textAt(field, 'type') ?? ''] === 'choice' && all.length === 1 ? (all[0] ?? null) : all
}

/** {row: [columns]} with the texts of both. */
function matrixOf(field: JsonObject, value: JsonObject): JsonValue {
  const textsOf = (member: string): Map<string, string> =>
    new Map(
      listAt(field, member).flatMap((one): [string, string][] => {
        const id = textAt(one, 'id')
        return id === undefined ? [] : [[id, textAt(one, 'text') ?? id]]
      }),
    )
  const rows = textsOf('rows')
  const columns = textsOf('columns')
  return Object.fromEntries(
    Object.entries(value).map(([row, chosen]) => [
      rows.get(row) ?? row,
      Array.isArray(chosen) ? chosen.map((one) => (typeof one === 'string' ? (columns.get(one) ?? one) : one)) : chosen,
    ]),
  )
}
