import type { FastifyInstance } from 'fastify'
import sjson from 'secure-json-parse'
import { Problem } from '../errors.ts'

const depthMax = 32
const utf8 = new TextDecoder('utf-8', { fatal: true })

/**
 * Bodies are JSON (or a JSON merge patch) in well-formed UTF-8. What a database cannot hold (NUL, cut surrogate pairs),
 * what would exhaust the stack (depth) and what would poison a prototype is refused before anything looks at it.
 */
export function useJsonBodies(app: FastifyInstance): void {
  app.removeContentTypeParser('application/json')
  app.removeContentTypeParser('text/plain')
  app.addContentTypeParser(
    ['application/json', 'application/merge-patch+json'],
    { parseAs: 'buffer' },
    (_request, body, done) => {
      try {
        done(null, parseJson(body as Buffer))
      } catch (error) {
        done(error as Error)
      }
    },
  )
}

/** @throws Problem malformed_json or invalid_request */
export function parseJson(bytes: Buffer): unknown {
  if (bytes.length === 0) return undefined
  let text: string
  try {
    text = utf8.decode(bytes)
  } catch (cause) {
    throw new Problem('malformed_json', { detail: 'The body is not UTF-8.', cause })
  }
  if (tooDeep(bytes))
    throw new Problem('malformed_json', { detail: `The body is nested deeper than ${depthMax} levels.` })
  let value: unknown
  try {
    value = sjson.parse(text, { protoAction: 'error', constructorAction: 'error' })
  } catch (cause) {
    throw new Problem('malformed_json', { cause })
  }
  // Raw text can hold neither, so only escapes need the walk.
  if (/\\u(?:0000|d[89a-f])/i.test(text)) refuseUnstorable(value, '')
  return value
}

function tooDeep(bytes: Buffer): boolean {
  let depth = 0
  let inString = false
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]
    if (inString) {
      if (byte === 0x5c) i++
      else if (byte === 0x22) inString = false
    } else if (byte === 0x22) inString = true
    else if (byte === 0x7b || byte === 0x5b) {
      if (++depth > depthMax) return true
    } else if (byte === 0x7d || byte === 0x5d) depth--
  }
  return false
}

function refuseUnstorable(value: unknown, path: string): void {
  if (typeof value === 'string') {
    if (value.includes('\0') || !value.isWellFormed())
      throw new Problem('invalid_request', {
        errors: [{ path, code: 'unstorable_text', message: 'Text holds a NUL or half of a surrogate pair.' }],
      })
  } else if (typeof value === 'object' && value !== null)
    for (const [key, inner] of Object.entries(value)) {
      refuseUnstorable(key, path)
      refuseUnstorable(inner, `${path}/${key.slice(0, 100)}`)
    }
}
