import type { Post } from '../channel.ts'
import { type FormPart, formPartsOf, partsMax, textOf } from '../form-data.ts'
import { isObject, type JsonObject, type JsonValue, parseJson, wellFormed } from '../json.ts'
import { timeOf } from '../time.ts'

/** An HTML form as it was posted, before anything is made of it. */
export interface PostedForm {
  /** in their order; a name may come several times */
  fields: { name: string; value: JsonValue }[]
  files: FormPart[]
}

const known = new WeakMap<Post, PostedForm | null>()

/** The fields of a post: a form as browsers send it, or a JSON object. null: it is neither. */
export function postedForm(post: Post): PostedForm | null {
  let form = known.get(post)
  if (form === undefined) {
    form = read(post)
    known.set(post, form)
  }
  return form
}

function read({ headers, rawBody }: Post): PostedForm | null {
  const parts = formPartsOf(headers, rawBody)
  if (parts) return ofParts(parts)
  const json = parseJson(rawBody)
  if (!isObject(json)) return null
  const fields = Object.entries(json).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value]).map((one) => ({ name, value: one })),
  )
  return { fields: fields.slice(0, partsMax), files: [] }
}

function ofParts(parts: readonly FormPart[]): PostedForm {
  // HTML, 4.10.21.5: a page that is not UTF-8 says so in a field of this name.
  const charset = parts
    .find((part) => part.name === '_charset_')
    ?.bytes.toString('latin1')
    .toLowerCase()
  const isFile = (part: FormPart): boolean =>
    part.filename !== undefined && (part.filename !== '' || part.bytes.length > 0)
  return {
    fields: parts
      .filter((part) => part.filename === undefined)
      .map((part) => ({ name: part.name, value: lines(textOf(part.bytes, part.charset ?? charset)) })),
    files: parts.filter(isFile),
  }
}

/** Browsers send CRLF, whatever was typed. */
const lines = (text: string): string => text.replaceAll('\r\n', '\n')

/** A field that speaks to us rather than to people, as text. */
export function controlOf(form: PostedForm, name: string): string | undefined {
  const value = form.fields.find((field) => field.name === name)?.value
  if (typeof value === 'number') return String(value)
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** When the form was shown, as `_t` says: a time, and behind a dot what proves it. */
export function shownAt(text: string | undefined): Date | null {
  const [time = '', more] = (text ?? '').split('.')
  return timeOf(more === undefined || !/^\d+$/.test(time) ? (text ?? null) : time)
}

/** The posted form in a raw event's own shape: files as spans of its blob. */
export function payloadOf(form: PostedForm, more: JsonObject): JsonObject {
  let start = 0
  return {
    ...more,
    fields: form.fields.map(({ name, value }) => ({ name, value })),
    files: form.files.map(({ name, filename, mediaType, bytes }) => {
      const span = { start, sizeBytes: bytes.length }
      start += bytes.length
      return { name, filename: wellFormed(filename ?? ''), mediaType: mediaType ?? null, ...span }
    }),
  }
}

export const blobOf = ({ files }: PostedForm): Buffer => Buffer.concat(files.map((file) => file.bytes))
