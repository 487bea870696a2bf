import { resources } from '../../../src/resources/index.ts'
import type { Row, TestService } from '../../harness/service.ts'
import { accessToken, appSecret, verifyToken } from '../../resources/ingest/posts.ts'
import type { Actor } from '../house/cast.ts'
import { heldIn, isThere, Oracle } from '../house/oracle.ts'
import { openOf, type Setting } from '../matrix/field-matrix.ts'
import { fieldsOf } from '../matrix/fields.ts'

/** The house's words and numbers, which stand nowhere but in its records; in messages with an address before its domain. */
// By their case as well: in a hash of any length some letters stand by chance.
const marks = /\bZq[A-Za-z][a-z]+[bcdfghjkmn]{5}\b|\bzq[a-z]+[bcdfghjkmn]{5}\b|(?<!\d)\+?4915\d{9}(?!\d)/g

/** The canaries in a text, in the form in which they are looked for. */
export const canariesIn = (text: string): string[] =>
  [...text.matchAll(marks)].map(([mark]) => mark.toLowerCase().replace('+', ''))

/** What is found of a text by detection: numbers, and what stands before an @. */
const detectable = (text: string): string[] => canariesIn((text.match(/\+4915\d{9}|\w+@/g) ?? []).join(' '))

/** Every canary that an actor may not see, by where it stands. What it sees in clear somewhere is none. */
export function hiddenFrom(setting: Setting, actor: Actor): Map<string, string> {
  const oracle = new Oracle(actor, openOf(setting.definitions))
  const byId = (resource: string, id: unknown): Row | null =>
    [...(setting.rows.get(resource) ?? [])].find(([place, row]) => row.id === id && place !== 'foreign')?.[1] ?? null
  const hidden = new Map<string, string>()
  const shown = new Set<string>()
  for (const resource of resources)
    for (const [place, row] of setting.rows.get(resource.name) ?? []) {
      const there = place !== 'foreign' && isThere(oracle, resource.name, row, byId)
      for (const [name, field] of fieldsOf(resource, setting.definitions)) {
        const text = JSON.stringify(heldIn(row, name)) ?? ''
        const sight = there ? oracle.sight(resource.name, row, name) : 'hidden'
        const secret =
          sight === 'clear' ? [] : sight === 'masked' && field.detected ? detectable(text) : canariesIn(text)
        for (const canary of canariesIn(text))
          if (secret.includes(canary)) hidden.set(canary, `${resource.name}.${name} (${place})`)
          else shown.add(canary)
      }
    }
  for (const canary of shown) hidden.delete(canary)
  return hidden
}

/** What nobody is ever told, whatever their roles: secrets of channels, hashes, other people's tokens. */
export async function neverTold({ sql }: TestService, cast: readonly Actor[]): Promise<Map<string, string>> {
  const rows = await sql<{ what: string; value: string }>(
    `SELECT 'a password hash' AS what, password_hash AS value FROM app.member WHERE password_hash IS NOT NULL
     UNION ALL SELECT 'a key''s hash', encode(secret_hash, 'hex') FROM app.api_key
     UNION ALL SELECT 'a key''s hash', encode(secret_hash, 'base64') FROM app.api_key
     UNION ALL SELECT 'a link''s hash', encode(secret_hash, 'hex') FROM app.invitation
     UNION ALL SELECT 'a refresh token''s hash', encode(token_hash, 'hex') FROM app.refresh_token
     UNION ALL SELECT 'the tenant''s key', encode(wrapped_key, 'base64') FROM app.tenant`,
  )
  return new Map([
    [appSecret, 'a channel’s appSecret'],
    [verifyToken, 'a channel’s verifyToken'],
    [accessToken, 'a channel’s accessToken'],
    ...rows.map(({ what, value }) => [value, what] as const),
    ...cast.map(({ name, token }) => [token, `the token of ${name}`] as const),
  ])
}
