import type { ParseContext, Parsed } from '../channel.ts'
import { cleanJson, compact, type JsonObject, type JsonValue } from '../json.ts'
import type { MessageEvent } from '../neutral.ts'
import { partyOf, wishesOf } from './contact-fields.ts'
import { htmlSubmission } from './html.ts'
import { jotformSubmission } from './jotform.ts'
import { type FormSettings, formSettings } from './settings.ts'
import { honeypotOf, spamReason } from './spam.ts'
import { renderAnswers, type Submission } from './submission.ts'
import { tallySubmission } from './tally.ts'
import { typeformSubmission } from './typeform.ts'

const titleLength = 200

/** A stored submission as a message of type `form`. Total over any JSON. */
export function parseForm(event: { kind: string; payload: JsonValue }, context?: ParseContext): Parsed {
  const payload = cleanJson(event.payload)
  if (payload === undefined) return { outcome: 'failed', reason: 'nested_too_deeply' }
  const known = formSettings.safeParse(context?.settings)
  const settings: Partial<FormSettings> = known.success ? known.data : {}
  if (event.kind === 'html.submission') {
    const spam = spamReason(payload, settings)
    if (spam !== undefined) return { outcome: 'ignored', reason: spam }
  }
  const submission = submissionOf(event.kind, payload, settings)
  // Somebody is still filling it in: what they send in the end is told by itself.
  if (event.kind === 'typeform.form_response_partial') return { outcome: 'ignored', reason: 'not_submitted' }
  if (submission === undefined) return { outcome: 'failed', reason: 'kind_unknown' }
  if (typeof submission === 'string') return { outcome: 'failed', reason: submission }
  const text = renderAnswers(submission.answers.filter((one) => !one.isRepeated))
  if (text === '' && submission.media.length === 0) return { outcome: 'ignored', reason: 'empty_form' }
  return { outcome: 'events', events: [messageOf(submission, text, settings)] }
}

function submissionOf(
  kind: string,
  payload: JsonValue,
  settings: Partial<FormSettings>,
): Submission | string | undefined {
  switch (kind) {
    case 'html.submission':
      return htmlSubmission(payload, honeypotOf(settings))
    case 'typeform.form_response':
      return typeformSubmission(payload)
    case 'tally.form_response':
      return tallySubmission(payload)
    case 'jotform.submission':
      return jotformSubmission(payload)
    default:
      return undefined
  }
}

function messageOf(submission: Submission, text: string, settings: Partial<FormSettings>): MessageEvent {
  const wishes = wishesOf(submission, settings)
  const subject = (submission.subject ?? submission.title)?.slice(0, titleLength)
  return {
    type: 'message',
    externalId: submission.id,
    direction: 'inbound',
    historical: false,
    from: partyOf(submission, settings),
    occurredAt: submission.submittedAt,
    message: { type: 'form', content: contentOf(submission), text: text === '' ? '[form]' : text },
    media: submission.media,
    ...(subject === undefined ? {} : { subject: subject.toWellFormed() }),
    ...(wishes.length > 0 ? { wishes } : {}),
  }
}

function contentOf({ formId, title, page, answers }: Submission): JsonObject {
  return compact({
    formId,
    title,
    page,
    answers: answers
      .filter((one) => !one.isRepeated)
      .map(({ id, ref, label, type, value }) => compact({ id, ref, label, type, value })),
  })
}
