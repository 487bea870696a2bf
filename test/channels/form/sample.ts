import { createHmac } from 'node:crypto'
import type { Post } from '../../../src/channels/channel.ts'
import type { FormSettings } from '../../../src/channels/form/settings.ts'
import type { Sample } from '../samples/table.ts'

const signingSecret = 'a-secret-of-tests'
const receivedAt = new Date('2026-01-01T00:00:00Z')

/** A request as it went over the wire: head, empty line, body. */
function requestOf(bytes: Buffer): { headers: Record<string, string>; body: Buffer } {
  const crlf = bytes.indexOf('\r\n\r\n')
  const bare = bytes.indexOf('\n\n')
  const isBare = crlf === -1 || (bare !== -1 && bare < crlf)
  const end = isBare ? bare : crlf
  const [, ...lines] = bytes.subarray(0, end).toString('latin1').split(/\r?\n/)
  const headers = lines.map((line): [string, string] => {
    const colon = line.indexOf(':')
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
  })
  return { headers: Object.fromEntries(headers), body: bytes.subarray(end + (isBare ? 2 : 4)) }
}

/** A page's post as it was recorded, or a webhook of Typeform, signed anew. */
export function formSample({ name, bytes }: Sample): { post: Post; settings: FormSettings } {
  if (name.endsWith('.http')) {
    const { headers, body } = requestOf(bytes)
    return { post: { headers, query: {}, rawBody: body, receivedAt }, settings: { kind: 'html' } }
  }
  const mac = createHmac('sha256', signingSecret).update(bytes).digest('base64')
  const headers = { 'content-type': 'application/json', 'typeform-signature': `sha256=${mac}` }
  return { post: { headers, query: {}, rawBody: bytes, receivedAt }, settings: { kind: 'typeform', signingSecret } }
}
