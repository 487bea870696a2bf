import { z } from 'zod'
import type { ExactMatch } from '../access/model.ts'
import { clearValuesPerDay } from '../db/clear-quota.ts'
import { purposeForm } from '../db/purpose.ts'
import { sql } from '../db/sql.ts'

/** Kinds of values that several nouns have, with their checks, in the forms that the contract promises. */

/** Of fields whose mask hides only what was found in the text when it was written. */
export const detectedSaid =
  'Whoever has it masked reads and searches it without the phone numbers, email addresses and card numbers in it.'

const storable = (value: string): boolean => value.isWellFormed() && !value.includes('\0')

export const text = (max: number, description: string, example: string) =>
  z
    .string()
    .min(1)
    .max(max)
    .refine(storable, 'Text holds a NUL or half of a surrogate pair.')
    .meta({ description, example })

/**
 * Text of people over several lines, as it is kept: line ends are one kind, control characters and what is only space are
 * gone. Emoji, marks and joiners stay: they are how people write.
 */
export const lines = (max: number, description: string, example: string) =>
  z
    .string()
    .min(1)
    .max(max)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: text of nothing else is no text
    .regex(/[^\s\u0000-\u001f\u007f-\u009f]/, 'There is no text.')
    .refine(storable, 'Text holds a NUL or half of a surrogate pair.')
    .overwrite((value) =>
      value
        .replaceAll(/\r\n?/g, '\n')
        // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
        .replaceAll(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/g, '')
        .trim(),
    )
    .meta({ description, example })

/** The tenant's own word for something: up to 100 characters. */
export const word = (description: string, example: string) => text(100, description, example)

/** What a request is for; see db/purpose.ts. */
export const purpose = (description: string, example: string) =>
  z
    .string()
    .regex(purposeForm, 'A purpose is one word of small letters, digits, _ . and -.')
    .meta({ description, example })

export const email = (description: string, example = 'anna@example.com') =>
  z
    .email({ pattern: /^[^\s@"<>()[\]\\,;:]{1,64}@[^\s@"<>()[\]\\,;:]+\.[^\s@"<>()[\]\\,;:.]+$/u })
    .max(254)
    .refine(storable)
    .meta({ description, example, format: 'idn-email' })

const between = '[\\s().\\-/]*'
const writtenPhone = `^${between}(\\+|0${between}0)${between}[1-9](${between}[0-9]){5,14}${between}$`

/** A phone number as people write it, kept in E.164 (ITU-T): spaces, dashes, dots and brackets go. */
export const phone = (description: string) =>
  z
    .string()
    .max(40)
    .overwrite((value) => value.replaceAll(/[\s().\-/]/g, '').replace(/^00(?=[1-9])/, '+'))
    .regex(/^\+[1-9]\d{5,14}$/, 'A phone number in E.164, with its country code: +4917012345678')
    // The document says what is taken, not what it is turned into.
    .meta({ description, example: '+4917012345678', pattern: writtenPhone })

export const country = (description: string) =>
  z
    .string()
    .regex(/^[A-Z]{2}$/, 'A country is its ISO 3166-1 alpha-2 code: DE')
    .meta({ description, example: 'DE' })
export const subdivision = (description: string) =>
  z
    .string()
    .regex(/^[A-Z]{2}-[A-Z0-9]{1,3}$/, 'A subdivision is its ISO 3166-2 code: US-CA')
    .meta({ description, example: 'US-CA' })

// Language, script, region and one variant: what Intl understands as a locale.
const languageTag = /^[A-Za-z]{2,3}(-[A-Za-z]{4})?(-([A-Za-z]{2}|[0-9]{3}))?(-([A-Za-z0-9]{5,8}|[0-9][A-Za-z0-9]{3}))?$/

export const language = (description: string) =>
  z.string().max(35).regex(languageTag, 'A language is its BCP 47 tag: pt-BR').meta({ description, example: 'de' })

export const timezone = (description: string) =>
  z
    .string()
    .max(64)
    .refine(isTimezone, 'A time zone is its IANA name: Europe/Berlin')
    .meta({ description, example: 'Europe/Berlin', format: 'iana-time-zone' })

function isTimezone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '' && /^[A-Za-z]/.test(name)
  } catch {
    return false
  }
}

/**
 * Addresses are compared without case, that of ASCII: beyond it the database and JavaScript do not agree on what is the
 * same letter ("İ", "Σ"), and what is decided in memory must be what SQL decides.
 */
export const exactEmail: ExactMatch = {
  normal: asciiLower,
  sql: (value, other) => sql`lower(${value} COLLATE "C") = ${asciiLower(other)}`,
}

function asciiLower(value: string): string {
  return value.replaceAll(/[A-Z]+/g, (letters) => letters.toLowerCase())
}

/** Phones are stored in E.164 and compared without the ways of writing them. */
export const exactPhone: ExactMatch = {
  normal: normalPhone,
  same: (value, other) => value === normalPhone(other),
  sql: (value, other) => sql`${value} = ${normalPhone(other)}`,
}

function normalPhone(value: string): string {
  return value.replaceAll(/[\s().\-/]/g, '').replace(/^00(?=[1-9])/, '+')
}

export const tags = (description: string) =>
  z
    .array(text(50, 'A tag’s name.', 'vip'))
    .max(50)
    .refine((all) => new Set(all).size === all.length, 'A tag stands once.')
    .meta({ description, example: ['vip'], uniqueItems: true })

export const idList = (description: string) =>
  z
    .array(z.uuid().toLowerCase())
    .max(200)
    .refine((all) => new Set(all).size === all.length, 'An id stands once.')
    .meta({ description, example: [], uniqueItems: true })

/** How many clear values of masked fields a principal may ask for in a day. */
export const revealQuota = (whose: string) =>
  z
    .int()
    .min(0)
    .max(100_000)
    .meta({
      description: `How many clear values of masked fields the ${whose} may ask for in a day, by revealing them or by exact match; null: the usual ${clearValuesPerDay}. Set by whoever may administer.`,
      example: 500,
    })
