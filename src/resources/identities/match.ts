import type { ExactMatch } from '../../access/model.ts'
import { phoneOf } from '../../channels/phone.ts'
import { sql } from '../../db/sql.ts'
import { identity } from '../../db/tables/contact.ts'

/**
 * An address in the form in which two of its kind are compared (identity.match_value): numbers in E.164 with the
 * national variants of one number joined, emails without case, a provider's own ids as they are.
 */
export function matchValue(kind: string, value: string): string {
  if (kind === 'email') return value.trim().toLowerCase()
  if (kind === 'phone' || kind === 'whatsapp') return phoneOf(written(value)) ?? value
  return value
}

/** One full address, in whatever form it was typed, against a row's match_value: what it is compared as hangs on the row's kind. */
export const exactAddress: ExactMatch = {
  normal: (value) => value,
  same: (value, other, row) => {
    const kind = String(row.kind)
    return matchValue(kind, value) === matchValue(kind, other)
  },
  // A value that is out of sight is NULL and equals nothing. The first comparison of forms is there for the index.
  sql: (value, other) => {
    const [email, phone] = [matchValue('email', other), matchValue('phone', other)]
    const forms = [...new Set([other, email, phone])]
    return sql`(${value} IS NOT NULL AND ${identity.matchValue} = ANY (${sql.param(forms)}::text[])
      AND ${identity.matchValue} = CASE ${identity.kind} WHEN 'email' THEN ${email} WHEN 'phone' THEN ${phone} WHEN 'whatsapp' THEN ${phone} ELSE ${other} END)`
  },
}

/** The ways of writing a number go; two leading zeros are a plus. */
const written = (value: string): string =>
  value
    .trim()
    .replaceAll(/[\s().\-/]/g, '')
    .replace(/^00(?=[1-9])/, '+')
