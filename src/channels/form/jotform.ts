import type { RawEvent } from '../channel.ts'
import {
  at,
  canonicalHash,
  compact,
  isObject,
  type JsonObject,
  type JsonValue,
  objectAt,
  parseJson,
  textAt,
} from '../json.ts'
import { timeOf } from '../time.ts'
import type { PostedForm } from './posted.ts'
import { type AnswerType, answersMax, type FormAnswer, linkedFile, renderValue, type Submission } from './submission.ts'

/**
 * Jotform posts a form whose field `rawRequest` is JSON with the answers, each under `q<number>_<name>`.
 * https://www.jotform.com/help/245-how-to-setup-a-webhook-with-jotform/
 */
export function jotformEvent(form: PostedForm): RawEvent {
  const fields: JsonObject = Object.fromEntries(form.fields.map(({ name, value }) => [name, value]))
  const raw = fields.rawRequest
  const rawRequest = typeof raw === 'string' ? (parseJson(Buffer.from(raw)) ?? raw) : (raw ?? null)
  const payload = compact({ ...fields, rawRequest })
  const id = textAt(payload, 'submissionID') ?? textAt(payload, 'submission_id') ?? canonicalHash(payload)
  return {
    account: null,
    dedupeKey: `submission:${id}`,
    lane: `submission:${id}`,
    kind: 'jotform.submission',
    occurredAt: timeOf(at(rawRequest, 'submitDate')),
    payload: { ...payload, id },
  }
}

/** It is searched once for each answer. */
const prettyMax = 100_000

export function jotformSubmission(payload: JsonValue): Submission | string {
  const id = textAt(payload, 'id')
  if (id === undefined) return 'no_submission_id'
  const raw = objectAt(payload, 'rawRequest')
  const given = Object.entries(raw).slice(0, answersMax)
  const pretty = (textAt(payload, 'pretty') ?? '').slice(0, prettyMax)
  const answers = given.flatMap(([key, value]): FormAnswer[] => {
    const [, , name] = /^q(\d+)_(.+)$/s.exec(key) ?? []
    if (name === undefined || renderValue(value) === '') return []
    const plain = answerValue(value)
    const label = prettyLabel(pretty, renderValue(plain)) ?? wordsOf(name)
    return [{ id: key, ref: name, label, type: typeOf(name, value), value: plain }]
  })
  // What was uploaded stands under the field's bare name, as a list of addresses.
  const uploads = given.filter(
    ([key, value]) => !/^q\d+_/.test(key) && listOf(value).some((one) => linkedFile(textOf(one)).length > 0),
  )
  const media = uploads.flatMap(([, value]) => listOf(value).flatMap((url) => linkedFile(textOf(url))))
  const files = uploads.map(
    ([key, value]): FormAnswer => ({
      id: key,
      label: wordsOf(key),
      type: 'file',
      value: listOf(value).map((url) => linkedFile(textOf(url))[0]?.filename ?? null),
    }),
  )
  const formId = textAt(payload, 'formID')
  const title = textAt(payload, 'formTitle')
  return {
    id,
    ...(formId === undefined ? {} : { formId }),
    ...(title === undefined ? {} : { title }),
    submittedAt: timeOf(at(raw, 'submitDate')),
    answers: [...answers, ...files],
    media: media.filter((ref) => !/\/widget-uploads\//.test(ref.url ?? '')),
  }
}

/** Only addresses of files: other members of the request are addresses of Jotform's own. */
const listOf = (value: JsonValue): JsonValue[] => (Array.isArray(value) ? value : [])
const textOf = (value: JsonValue): string => (typeof value === 'string' ? value : '')

/** Composed fields: a phone in its parts, a date in its parts; others stay as they are. */
function answerValue(value: JsonValue): JsonValue {
  if (!isObject(value)) return value
  const full = textAt(value, 'full')
  if (full !== undefined) return full
  const phone = textAt(value, 'phone')
  if (phone !== undefined) {
    const country = textAt(value, 'country')
    return [country === undefined ? undefined : `+${country.replaceAll(/\D/g, '')}`, textAt(value, 'area'), phone]
      .filter((part) => part !== undefined)
      .join(' ')
  }
  const [year, month, day] = [textAt(value, 'year'), textAt(value, 'month'), textAt(value, 'day')]
  if (year !== undefined && month !== undefined && day !== undefined)
    return `${year}-${month.padStart(2, '0')}-${day.padStart(2, '0')}`
  return value
}

function typeOf(name: string, value: JsonValue): AnswerType {
  if (isObject(value)) {
    if (textAt(value, 'first') !== undefined || textAt(value, 'last') !== undefined) return 'name'
    if (textAt(value, 'addr_line1') !== undefined || textAt(value, 'city') !== undefined) return 'address'
    if (textAt(value, 'phone') !== undefined || (textAt(value, 'full') !== undefined && /phone|tel/i.test(name)))
      return 'phone'
    return textAt(value, 'year') === undefined ? 'other' : 'date'
  }
  return Array.isArray(value) ? 'choices' : 'text'
}

/** "Label:value, Label:value": the label of an answer that stands there just once. */
function prettyLabel(pretty: string, said: string): string | undefined {
  if (said === '') return undefined
  const at = pretty.indexOf(`:${said}`)
  if (at === -1 || pretty.indexOf(`:${said}`, at + 1) !== -1) return undefined
  const label = pretty.slice(pretty.lastIndexOf(', ', at) === -1 ? 0 : pretty.lastIndexOf(', ', at) + 2, at).trim()
  return label === '' || label.length > 300 ? undefined : label
}

/** "phoneNumber" and "file_upload" as people would read them. */
function wordsOf(name: string): string {
  const words = name
    .replaceAll(/_+/g, ' ')
    .replaceAll(/([a-z])([A-Z\d])/g, '$1 $2')
    .trim()
    .toLowerCase()
  return words.charAt(0).toUpperCase() + words.slice(1)
}
