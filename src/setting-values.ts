/** How the text of each kind of setting is read, and what is said where it cannot be. */
import { isIP, isIPv6 } from 'node:net'
import { z } from 'zod'

/** A setting, of a function that reads its text or throws a `Fault` that says what the text must be. */
export function setting<Value, Default>(read: (text: string) => Value, unset: Default) {
  return z
    .string()
    .optional()
    .transform((text, context): Value | Default => {
      if (text === undefined) return unset
      try {
        return read(text)
      } catch (error) {
        if (!(error instanceof Fault)) throw error
        context.addIssue({ code: 'custom', message: error.message })
        return z.NEVER
      }
    })
}

class Fault extends Error {}

export function wholeNumber(min: number, max: number) {
  return (text: string): number => {
    const value = Number(text)
    if (/^\d{1,15}$/.test(text) && value >= min && value <= max) return value
    throw new Fault(`must be a whole number from ${min} to ${max}, not "${text}"`)
  }
}

export function oneOf<Value extends string>(...values: Value[]) {
  return (text: string): Value => {
    const known = values.find((value) => value === text)
    if (known !== undefined) return known
    throw new Fault(`must be one of ${values.join(', ')}, not "${text}"`)
  }
}

export const truth = (text: string): boolean => oneOf('true', 'false')(text) === 'true'

export function words(min: number, max: number) {
  return (text: string): string => {
    if (text.length >= min && text.length <= max) return text
    // Not repeated here: passwords and tokens are among these.
    throw new Fault(`must have ${min} to ${max} characters, not ${text.length}`)
  }
}

/** Goes into a header as it is. */
export function token(text: string): string {
  if (/^[\x21-\x7e]{1,512}$/.test(text)) return text
  throw new Fault('must have 1 to 512 letters, digits and signs of ASCII, without spaces')
}

export function host(text: string): string {
  if (isIP(text) !== 0 || /^[a-z\d]([a-z\d.-]{0,251}[a-z\d])?$/i.test(text)) return text
  throw new Fault(`must be an IP address or a host name without scheme or port, such as 0.0.0.0, not "${text}"`)
}

export function publicUrl(text: string): string {
  const url = URL.parse(text)
  const plain = url !== null && /^https?:$/.test(url.protocol) && `${url.username}${url.password}${url.search}` === ''
  // Links are made by appending a path, so a slash at the end would double.
  if (plain && !text.includes('#') && !text.includes('?')) return url.href.replace(/\/+$/, '')
  throw new Fault('must be an http or https address without login, query or fragment, such as https://hub.example.com')
}

export function bucketUrl(text: string): string {
  const url = URL.parse(text)
  const plain = url !== null && /^https?:$/.test(url.protocol) && `${url.username}${url.password}` === ''
  // Anything else in its path would have to be encoded, and the signature is over how.
  if (plain && /^https?:\/\/[^/?#]+(\/[\w.-]+)*\/?$/i.test(text)) return url.href.replace(/\/$/, '')
  throw new Fault(
    'must be the http or https address of a bucket, without login or query, such as https://s3.eu-central-1.amazonaws.com/bucket',
  )
}

export function origin(text: string): string {
  const url = URL.parse(text)
  if (url !== null && /^https?:$/.test(url.protocol) && url.origin === text) return text
  throw new Fault(
    `must be exact origins separated by commas (scheme, host, port, nothing after), such as https://app.example.com; "${text}" is not one`,
  )
}

export function addressRange(text: string): string {
  const [address = '', bits, ...rest] = text.split('/')
  const widest = isIPv6(address) ? 128 : 32
  const bitsFit = bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= widest)
  if (isIP(address) !== 0 && bitsFit && rest.length === 0) return text
  throw new Fault(`must be IP addresses or CIDR ranges separated by commas, such as 10.0.0.0/8; "${text}" is not one`)
}

export function list<Entry>(readOne: (text: string) => Entry) {
  return (text: string): Entry[] =>
    text
      .split(',')
      .map((entry) => entry.trim())
      .filter((entry) => entry !== '')
      .map(readOne)
}

// What is wrong with a secret is told without repeating it.
export function databaseUrl(text: string): string {
  const url = URL.parse(text)
  if (url !== null && /^postgres(ql)?:$/.test(url.protocol) && url.pathname.length > 1) return text
  throw new Fault('must be a PostgreSQL address that names a database: postgres://login:password@host:5432/database')
}

export function masterKey(text: string): string {
  if (isKey(text)) return text
  throw new Fault('must be 32 bytes in base64 (44 characters); make one with `openssl rand -base64 32`')
}

export function isKey(text: string): boolean {
  const key = Buffer.from(text, 'base64')
  return key.length === 32 && key.toString('base64') === text
}

export function email(text: string): string {
  if (z.email().safeParse(text).success) return text
  throw new Fault(`must be an email address, not "${text}"`)
}

export function acceptedLoss(text: string): { tenantId: string; size: number } {
  const [, tenantId, size] = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})@(\d{1,15})$/.exec(text) ?? []
  if (tenantId !== undefined) return Object.freeze({ tenantId, size: Number(size) })
  throw new Fault(
    `must be tenant ids with the size of the checkpoint that is given up, as the start named them, not "${text}"`,
  )
}
