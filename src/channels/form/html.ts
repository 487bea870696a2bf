import { createHash } from 'node:crypto'
import type { Post, RawEvent } from '../channel.ts'
import { headerOf } from '../headers.ts'
import { at, canonicalHash, compact, type JsonValue, listAt, numberAt, textAt } from '../json.ts'
import type { MediaRef } from '../neutral.ts'
import { originOf } from '../origins.ts'
import { timeOf } from '../time.ts'
import { blobOf, controlOf, type PostedForm, payloadOf } from './posted.ts'
import { type FormAnswer, fileKind, type Submission } from './submission.ts'

/** A double click, a reload, a script that tries again: within this time the same answers are one submission. */
const slotMs = 600_000
const nonceLength = 200

/** Fields that speak to programs: everything with a leading underscore, and what captchas add. */
const isControl = (name: string): boolean =>
  name.startsWith('_') || /^(?:g-recaptcha|h-captcha|cf-turnstile)-response$/.test(name)

/** The label of a field as the page shows it, since HTML does not send it: `_label.<name>`. */
const labelPrefix = '_label.'

/** A posted HTML form as a raw event. It has no id of its own: see `identityOf`. */
export function htmlEvent(form: PostedForm, { headers, receivedAt }: Post): RawEvent {
  const referer = headerOf(headers, 'referer')
  const origin = headerOf(headers, 'origin') ?? (referer === undefined ? undefined : originOf(referer))
  const id = identityOf(form, receivedAt)
  return {
    account: null,
    dedupeKey: `submission:${id}`,
    lane: `submission:${id}`,
    kind: 'html.submission',
    occurredAt: receivedAt,
    payload: payloadOf(
      form,
      compact({
        id,
        receivedAt: receivedAt.toISOString(),
        origin: origin?.slice(0, 300),
        page: pageOf(referer),
        shownAt: controlOf(form, '_t')?.slice(0, nonceLength),
      }),
    ),
    ...(form.files.length > 0 ? { blob: blobOf(form) } : {}),
  }
}

/** The page's own nonce; else what was said, on which view of the page (`_t`), or else at about which time. */
function identityOf(form: PostedForm, receivedAt: Date): string {
  const nonce = controlOf(form, '_nonce')
  if (nonce !== undefined) return createHash('sha256').update(`nonce:${nonce}`).digest('hex')
  const fields = [...Map.groupBy(form.fields, (field) => field.name)].map(([name, values]): [string, JsonValue] => [
    name,
    values.map((one) => canonicalHash(one.value)).sort(),
  ])
  const files = form.files.map(({ name, filename, bytes }) => [
    name,
    filename ?? '',
    createHash('sha256').update(bytes).digest('hex'),
  ])
  const slot = controlOf(form, '_t') === undefined ? Math.floor(receivedAt.getTime() / slotMs) : 'shown'
  return canonicalHash({ fields: Object.fromEntries(fields), files, slot })
}

/** Without its query, which may hold anything. */
function pageOf(referer: string | undefined): string | undefined {
  const origin = referer === undefined ? undefined : originOf(referer)
  return referer === undefined || origin === undefined ? undefined : origin + new URL(referer).pathname.slice(0, 500)
}

/** A stored HTML form as a submission; total over any JSON. */
export function htmlSubmission(payload: JsonValue, honeypot: string): Submission | string {
  const id = textAt(payload, 'id')
  if (id === undefined) return 'no_submission_id'
  const said = listAt(payload, 'fields').flatMap((field) => {
    const name = textAt(field, 'name')
    return name === undefined ? [] : [{ name, value: at(field, 'value') ?? null }]
  })
  const byName = Map.groupBy(said, ({ name }) => name)
  const control = (name: string): string | undefined => {
    const [first] = byName.get(name) ?? []
    return first === undefined ? undefined : textAt(first.value)
  }
  const answers = [...byName].flatMap(([name, values]): FormAnswer[] => {
    if (isControl(name) || name === honeypot) return []
    const [first, ...more] = values.map((one) => one.value)
    const isList = more.length > 0 || name.endsWith('[]')
    const value = isList ? values.map((one) => one.value) : (first ?? null)
    return [
      { id: name, label: control(`${labelPrefix}${name}`) ?? labelOf(name), type: isList ? 'choices' : 'text', value },
    ]
  })
  const media = listAt(payload, 'files').map((file, index) => fileRef(file, index))
  const files = media.map((ref, index): FormAnswer => {
    const name = textAt(listAt(payload, 'files')[index], 'name') ?? 'file'
    return { id: name, label: labelOf(name), type: 'file', value: ref.filename ?? name }
  })
  return {
    id,
    submittedAt: timeOf(at(payload, 'receivedAt')),
    answers: [...answers, ...files],
    media,
    ...optional('formId', control('_form')),
    ...optional('subject', control('_subject')),
    ...optional('language', control('_language')),
    ...optional('page', textAt(payload, 'page')),
  }
}

function optional<Name extends string>(name: Name, text: string | undefined): { [N in Name]?: string } {
  const made: { [N in Name]?: string } = {}
  if (text !== undefined) made[name] = text
  return made
}

function fileRef(file: JsonValue, index: number): MediaRef {
  const filename = textAt(file, 'filename')
  const mediaType = textAt(file, 'mediaType')
  const sizeBytes = numberAt(file, 'sizeBytes')
  return {
    kind: fileKind(mediaType, filename),
    part: `files/${index}`,
    ...(filename === undefined ? {} : { filename }),
    ...(mediaType === undefined ? {} : { mediaType }),
    ...(sizeBytes === undefined ? {} : { sizeBytes }),
  }
}

/** "your-email" as people would read it. */
function labelOf(name: string): string {
  const words = name
    .replaceAll(/[[\]._-]+/g, ' ')
    .replaceAll(/([a-z\d])([A-Z])/g, '$1 $2')
    .trim()
  return words === '' ? name : words.charAt(0).toUpperCase() + words.slice(1)
}
