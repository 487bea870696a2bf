import { fieldOf, type HeaderFields } from './header-block.ts'

/**
 * Whether a machine wrote a mail. Such mail is shown, but nobody waits for an answer and nothing answers it by itself.
 * Sources: RFC 3834 (Auto-Submitted), Microsoft [MS-OXCMAIL] (X-Auto-Response-Suppress), RFC 2919 (List-Id), RFC 3464.
 */
export function automatedKind(
  fields: HeaderFields,
  from: string | undefined,
): 'auto_reply' | 'bulk' | 'report' | undefined {
  const contentType = (fieldOf(fields, 'content-type') ?? '').toLowerCase()
  if (contentType.startsWith('multipart/report') || fields.has('x-failed-recipients')) return 'report'
  if (/^(?:mailer-daemon|postmaster)@/.test(from ?? '')) return 'report'

  const submitted = word(fields, 'auto-submitted')
  if (submitted !== undefined && submitted !== 'no') return 'auto_reply'
  const precedence = word(fields, 'precedence')
  if (precedence === 'auto_reply' || precedence === 'auto-reply') return 'auto_reply'
  if (
    ['x-autoreply', 'x-autorespond', 'x-autoresponse', 'x-auto-reply', 'x-vacation'].some((name) =>
      isSaid(fields, name),
    )
  )
    return 'auto_reply'
  const suppress = word(fields, 'x-auto-response-suppress')
  // "None" is what Exchange writes on a person's mail.
  if (suppress !== undefined && suppress !== 'none') return 'auto_reply'

  if (fields.has('list-id') || precedence === 'bulk' || precedence === 'junk' || precedence === 'list') return 'bulk'
  // Who gives no address to return to wants no answer.
  if (fields.get('return-path')?.[0]?.replaceAll(/\s/g, '') === '<>') return 'report'
  return undefined
}

function word(fields: HeaderFields, name: string): string | undefined {
  return fieldOf(fields, name)
    ?.toLowerCase()
    .split(/[\s;,(]/)[0]
}

function isSaid(fields: HeaderFields, name: string): boolean {
  const value = fieldOf(fields, name)?.toLowerCase()
  return value !== undefined && value !== 'no' && value !== 'false'
}
