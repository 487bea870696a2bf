import { at, compact, isObject, type JsonObject, type JsonValue, textAt } from '../json.ts'
import type { Identity } from '../neutral.ts'

/** Who writes, as their token says. */
export interface Visitor {
  /** UUID; whoever has the token is this visitor */
  id: string
  /** the site's own id of its user, proven by a signed hash */
  userId?: string
  /** as the page says; claims */
  name?: string
  email?: string
}

/** A file of a visitor's message, taken in beforehand. */
export interface VisitorFile {
  fileName: string | null
  mediaType: string
  bytes: Buffer
}

/** A button, or a row of a list, that a visitor has chosen. */
export interface Choice {
  id: string
  title?: string
}

/** What the hub itself posts to the channel when a visitor has written; its files are spans of their bytes in a row. */
export function visitorPost(
  visitor: Visitor,
  message: { id: string; text: string; files: readonly VisitorFile[]; button?: Choice },
): JsonObject {
  const { id, userId, name, email } = visitor
  let start = 0
  return {
    visitor: compact({ id, userId, name, email }),
    id: message.id,
    text: message.text,
    ...(message.button === undefined
      ? {}
      : { button: compact({ id: message.button.id, title: message.button.title }) }),
    files: message.files.map(({ fileName, mediaType, bytes }) => {
      const span = { start, sizeBytes: bytes.length }
      start += bytes.length
      return { fileName, mediaType, ...span }
    }),
  }
}

/** The address of a user whom the site vouches for, the same on all devices. */
export const userAddress = (userId: string): string => `user:${userId}`

/** The addresses under which a visitor is known, the surest first. */
export const visitorAddresses = ({ id, userId }: Pick<Visitor, 'id' | 'userId'>): string[] => [
  ...(userId === undefined ? [] : [userAddress(userId)]),
  id,
]

export function visitorIdentities({ id, userId }: Pick<Visitor, 'id' | 'userId'>): Identity[] {
  return [
    ...(userId === undefined ? [] : [{ kind: 'webchat' as const, value: userAddress(userId), verified: true }]),
    { kind: 'webchat', value: id, verified: false },
  ]
}

/** The id by which the channel knows a visitor's message. */
export const externalIdOf = (visitorId: string, clientId: string): string => `${visitorId}/${clientId}`

/** The visitor of a stored post; undefined for what is none. */
export function visitorOf(payload: JsonValue): Visitor | undefined {
  const visitor = at(payload, 'visitor')
  const id = textAt(visitor, 'id')
  if (!isObject(visitor) || id === undefined) return undefined
  const userId = textAt(visitor, 'userId')
  const name = textAt(visitor, 'name')
  const email = textAt(visitor, 'email')
  return {
    id,
    ...(userId === undefined ? {} : { userId }),
    ...(name === undefined ? {} : { name }),
    ...(email === undefined ? {} : { email }),
  }
}
