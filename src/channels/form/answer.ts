import type { Answer, AnswerCounts, Post } from '../channel.ts'
import { formTypeOf } from '../form-data.ts'
import { headerOf } from '../headers.ts'
import { allowsOrigin, originOf } from '../origins.ts'
import { controlOf, postedForm } from './posted.ts'
import type { FormSettings } from './settings.ts'

const thanks = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Thank you</title>
<body style="font-family: system-ui; margin: 4rem auto; max-width: 30rem; padding: 0 1rem">
<h1>Thank you.</h1>
<p>What you sent has arrived.</p>
`

/**
 * What whoever posted sees: a browser that left its page goes back to one of the site's own, or reads a word of thanks; a
 * script gets JSON. Spam is answered like everything else.
 */
export function answerForm({ accepted, duplicates }: AnswerCounts, post: Post, settings: FormSettings): Answer {
  if (settings.kind !== 'html') return { status: 200, body: null }
  const { headers } = post
  const accept = headerOf(headers, 'accept') ?? ''
  const isScript =
    formTypeOf(headers) === undefined ||
    /^\s*application\/json/i.test(accept) ||
    headerOf(headers, 'sec-fetch-mode') === 'cors'
  if (!isScript) {
    const target = targetOf(post, settings)
    if (target !== undefined) return { status: 303, headers: { location: target }, text: '' }
    if (accept.includes('text/html'))
      return {
        status: 200,
        headers: {
          'content-type': 'text/html; charset=utf-8',
          'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'",
        },
        text: thanks,
      }
  }
  return { status: 200, body: { accepted, duplicates, rejected: [] } }
}

/** The page's wish before the setting; both only where the channel allows, or this would lead people anywhere. */
function targetOf(post: Post, { allowedOrigins = [], redirectUrl }: FormSettings): string | undefined {
  const form = postedForm(post)
  const wished = form === null ? undefined : controlOf(form, '_redirect')
  return [wished, redirectUrl].flatMap((address) => {
    const origin = address === undefined ? undefined : originOf(address.trim())
    return address !== undefined && origin !== undefined && allowsOrigin(allowedOrigins, origin)
      ? [new URL(address.trim()).href]
      : []
  })[0]
}
