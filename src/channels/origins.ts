import { z } from 'zod'

/** Whether a text is a web origin as browsers send it (RFC 6454): scheme, host, a port that is not the usual one. */
function isOrigin(text: string): boolean {
  if (!/^https?:\/\//.test(text) || !URL.canParse(text)) return false
  return new URL(text).origin === text
}

/** The setting of channels that pages of others post to. */
export const originList = z
  .array(
    z.string().max(300).refine(isOrigin, 'must be an origin such as https://www.example.com, without a path').meta({
      description: 'An origin: scheme, host and port.',
      example: 'https://www.example.com',
      pattern: '^https?://',
    }),
  )
  .max(100)

/** Whether a page of this origin is one of those. "null" (a sandboxed page, a file) never is. */
export function allowsOrigin(allowed: readonly string[], origin: string): boolean {
  return allowed.includes(origin)
}

/** The origin of an address; undefined for what is none or belongs to no web page. */
export function originOf(address: string): string | undefined {
  if (!/^https?:\/\//i.test(address) || !URL.canParse(address)) return undefined
  return new URL(address).origin
}
