import { isObject, type JsonValue } from '../json.ts'
import type { MediaKind, MediaRef } from '../neutral.ts'

/** What a field asks for, whoever made the form. */
export type AnswerType =
  | 'text'
  | 'email'
  | 'phone'
  | 'name'
  | 'address'
  | 'country'
  | 'number'
  | 'boolean'
  | 'choice'
  | 'choices'
  | 'date'
  | 'url'
  | 'file'
  | 'payment'
  | 'hidden'
  | 'other'

/** Of a form's answers: more would be none that a person gives, and whoever posts pays nothing for how many. */
export const answersMax = 1_000

export interface FormAnswer {
  /** the provider's own; a field's name in HTML */
  id: string
  /** beside id and label, what a field map may call it */
  ref?: string
  /** the question as people read it */
  label: string
  type: AnswerType
  value: JsonValue
  /** said once more by another answer: for the field map, not to be shown */
  isRepeated?: boolean
}

/** A filled in form, whoever made it. */
export interface Submission {
  /** unique within the channel */
  id: string
  /** the provider's name of the browser or person, the same when they come again */
  respondent?: string
  formId?: string
  title?: string
  subject?: string
  /** the page that it stood on */
  page?: string
  /** BCP 47, as the form says */
  language?: string
  submittedAt: Date | null
  answers: FormAnswer[]
  media: MediaRef[]
}

/** An answer as one line of text; '' for none. */
export function renderValue(value: JsonValue): string {
  if (value === null) return ''
  if (typeof value === 'boolean') return value ? 'Yes' : 'No'
  if (Array.isArray(value)) return value.map(renderValue).filter(isSaid).join(', ')
  if (isObject(value)) return Object.values(value).map(renderValue).filter(isSaid).join(' ')
  return String(value).trim()
}

/** The whole form as text: a line per answer that was given. */
export function renderAnswers(answers: readonly FormAnswer[]): string {
  return answers
    .map(({ label, value }) => ({ label, said: renderValue(value) }))
    .filter(({ said }) => isSaid(said))
    .map(({ label, said }) => (said.includes('\n') ? `${label}:\n${said}` : `${label}: ${said}`))
    .join('\n')
}

const isSaid = (text: string): boolean => text !== ''

export function fileKind(mediaType: string | undefined, filename: string | undefined): MediaKind {
  const family = mediaType?.toLowerCase().split('/')[0]
  if (family === 'image' || family === 'video' || family === 'audio') return family
  return /\.(?:jpe?g|png|gif|webp|heic)$/i.test(filename ?? '') ? 'image' : 'document'
}

/** A file that lies at the form's provider. */
export function linkedFile(url: string, name?: string, mediaType?: string): MediaRef[] {
  if (!/^https?:\/\//i.test(url) || !URL.canParse(url)) return []
  const filename = name ?? lastOf(new URL(url).pathname)
  return [
    {
      kind: fileKind(mediaType, filename),
      url,
      ...(filename === undefined ? {} : { filename }),
      ...(mediaType === undefined ? {} : { mediaType }),
    },
  ]
}

function lastOf(path: string): string | undefined {
  const name = path.split('/').at(-1) ?? ''
  try {
    return decodeURIComponent(name) || undefined
  } catch {
    return name || undefined
  }
}
