import { createHash } from 'node:crypto'

/**
 * JSON as data that others wrote: reading it never throws, whatever is in it.
 * Providers send ids as strings or numbers, leave members out and add new ones, so the readers
 * below answer "what is usable here" instead of insisting on a schema.
 */
export type JsonValue = null | boolean | number | string | JsonValue[] | { [key: string]: JsonValue }
export type JsonObject = { [key: string]: JsonValue }

/** Deeper than any provider nests; what lies below would overflow a recursive reader's stack. */
const DEPTH_MAX = 64

/** A provider's id that a JavaScript number cannot hold; the number would silently be another one. */
const MAYBE_UNSAFE_INTEGER = /[:[,\s]-?\d{16,}/

/** Text that PostgreSQL and every JSON reader accept: no NUL, lone surrogates become U+FFFD. */
export function wellFormed(text: string): string {
  return (text.includes('\0') ? text.replaceAll('\0', '') : text).toWellFormed()
}

/**
 * The one place where strings from outside are made storable: every string and key of `value` is
 * `wellFormed`, numbers that JSON cannot express become null.
 * @returns undefined when the value is nested deeper than 64 levels
 */
export function cleanJson(value: JsonValue): JsonValue | undefined {
  try {
    return clean(value, DEPTH_MAX)
  } catch (error) {
    if (error instanceof TooDeep) return undefined
    throw error
  }
}

class TooDeep extends Error {}

function clean(value: JsonValue, depthLeft: number): JsonValue {
  if (typeof value === 'string') return wellFormed(value)
  if (typeof value === 'number') return Number.isFinite(value) ? value : null
  if (typeof value !== 'object' || value === null) return value
  if (depthLeft === 0) throw new TooDeep()
  if (Array.isArray(value)) return value.map((item) => clean(item, depthLeft - 1))
  // fromEntries defines own members, so a key "__proto__" stays data and cannot reach a prototype.
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [wellFormed(key), clean(item, depthLeft - 1)]))
}

/**
 * Bytes from a provider as clean JSON. Integers beyond 2^53 become strings of their exact digits.
 * @returns undefined when the bytes are not JSON, or nested deeper than 64 levels
 */
export function parseJson(bytes: Buffer): JsonValue | undefined {
  const text = bytes.toString('utf8').replace(/^\uFEFF/, '')
  try {
    const parsed: JsonValue = MAYBE_UNSAFE_INTEGER.test(text) ? JSON.parse(text, keepDigits) : JSON.parse(text)
    return cleanJson(parsed)
  } catch {
    return undefined
  }
}

/** A JSON.parse reviver. The context argument is ES2025 (JSON.parse source text access). */
function keepDigits(_key: string, value: JsonValue, ...context: { source?: string }[]): JsonValue {
  if (typeof value !== 'number' || !Number.isInteger(value) || Number.isSafeInteger(value)) return value
  const source = context[0]?.source
  return source !== undefined && /^-?\d+$/.test(source) ? source : value
}

export function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The value at a path of own members; undefined as soon as a step is missing. */
export function at(value: JsonValue | undefined, ...path: string[]): JsonValue | undefined {
  let here = value
  for (const key of path) {
    if (!isObject(here) || !Object.hasOwn(here, key)) return undefined
    here = here[key]
  }
  return here
}

/** The object at a path, or an empty one. */
export function objectAt(value: JsonValue | undefined, ...path: string[]): JsonObject {
  const found = at(value, ...path)
  return isObject(found) ? found : {}
}

/** The array at a path, or an empty one. */
export function listAt(value: JsonValue | undefined, ...path: string[]): JsonValue[] {
  const found = at(value, ...path)
  return Array.isArray(found) ? found : []
}

/** The array at a path; what stands there by itself without brackets is an array of one object. */
export function manyAt(value: JsonValue | undefined, ...path: string[]): JsonValue[] {
  const found = at(value, ...path)
  return isObject(found) ? [found] : Array.isArray(found) ? found : []
}

/** Non-empty text at a path; numbers count as text, since providers switch between the two. */
export function textAt(value: JsonValue | undefined, ...path: string[]): string | undefined {
  const found = at(value, ...path)
  if (typeof found === 'number') return String(found)
  return typeof found === 'string' && found !== '' ? found : undefined
}

/** A number at a path; numeric text counts. */
export function numberAt(value: JsonValue | undefined, ...path: string[]): number | undefined {
  const found = at(value, ...path)
  const number = typeof found === 'string' && found.trim() !== '' ? Number(found) : found
  return typeof number === 'number' && Number.isFinite(number) ? number : undefined
}

/** A truth value at a path; nothing else counts as one. */
export function booleanAt(value: JsonValue | undefined, ...path: string[]): boolean | undefined {
  const found = at(value, ...path)
  return typeof found === 'boolean' ? found : undefined
}

/** The object without its undefined members: an absent member and an unknown one are the same in JSON. */
export function compact(members: Record<string, JsonValue | undefined>): JsonObject {
  const result: JsonObject = {}
  for (const [key, value] of Object.entries(members)) if (value !== undefined) result[key] = value
  return result
}

/** Members in camelCase, through all levels: provider structures as our own JSON spells them. */
export function camelCased(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(camelCased)
  if (!isObject(value)) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [camelKey(key), camelCased(item)]))
}

function camelKey(key: string): string {
  return key.replace(/(?<=[a-z0-9])_([a-z0-9])/gi, (_match, letter: string) => letter.toUpperCase())
}

/** SHA-256 (hex) that does not depend on the order of members: the identity of an event without an id. */
export function canonicalHash(value: JsonValue): string {
  return createHash('sha256').update(canonicalText(value)).digest('hex')
}

function canonicalText(value: JsonValue): string {
  if (Array.isArray(value)) return `[${value.map(canonicalText).join(',')}]`
  if (!isObject(value)) return JSON.stringify(value)
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
  return `{${members.map(([key, item]) => `${JSON.stringify(key)}:${canonicalText(item)}`).join(',')}}`
}
