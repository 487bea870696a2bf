import type { ContactCard } from './content.ts'

/**
 * A contact card as a vCard 3.0, which every phone reads.
 * Source: RFC 2426; the semicolons of N part the kinds of names, of which the first takes the whole one.
 */
export function vcardOf({ name, phones, emails, company }: ContactCard): string {
  return [
    'BEGIN:VCARD',
    'VERSION:3.0',
    `N:${escaped(name)};;;;`,
    `FN:${escaped(name)}`,
    ...(company === undefined ? [] : [`ORG:${escaped(company)}`]),
    ...phones.map((phone) => `TEL:${escaped(phone)}`),
    ...emails.map((email) => `EMAIL:${escaped(email)}`),
    'END:VCARD',
    '',
  ].join('\r\n')
}

const escaped = (text: string): string => text.replaceAll(/[\\;,]/g, '\\$&').replaceAll(/\r\n?|\n/g, '\\n')
