import type { Post, RawEvent, Split } from '../channel.ts'
import { formTypeOf } from '../form-data.ts'
import { isObject, type JsonValue, parseJson } from '../json.ts'
import { htmlEvent } from './html.ts'
import { jotformEvent } from './jotform.ts'
import { postedForm } from './posted.ts'
import type { FormSettings } from './settings.ts'
import { isTally, tallyEvent } from './tally.ts'
import { isTypeform, typeformEvent } from './typeform.ts'

/** One submission per post. */
export function splitForm(post: Post, { kind }: Partial<FormSettings>): Split {
  switch (kind) {
    case 'typeform':
      return ofJson(post, typeformEvent)
    case 'tally':
      return ofJson(post, tallyEvent)
    case 'jotform': {
      const form = postedForm(post)
      return form === null ? { malformed: 'invalid_form' } : one(jotformEvent(form))
    }
    default:
      return ofPage(post, kind === 'html')
  }
}

function ofJson(post: Post, event: (body: JsonValue) => RawEvent): Split {
  const body = parseJson(post.rawBody)
  if (body === undefined) return { malformed: 'invalid_json' }
  return isObject(body) ? one(event(body)) : { malformed: 'not_an_object' }
}

/** A page's own post; where nobody said whose form it is, its shape tells. */
function ofPage(post: Post, isHtml: boolean): Split {
  const type = formTypeOf(post.headers)
  const json = type === undefined ? parseJson(post.rawBody) : undefined
  if (!isHtml && isObject(json)) {
    if (isTypeform(json)) return one(typeformEvent(json))
    if (isTally(json)) return one(tallyEvent(json))
  }
  // A page may post nothing at all.
  const form = postedForm(post) ?? (isHtml && post.rawBody.length === 0 ? { fields: [], files: [] } : null)
  if (form !== null) return one(htmlEvent(form, post))
  if (type !== undefined) return { malformed: 'invalid_form' }
  return { malformed: json === undefined ? 'invalid_json' : 'not_an_object' }
}

const one = (event: RawEvent): Split => ({ events: [event], rejected: [] })
