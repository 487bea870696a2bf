import { createHmac } from 'node:crypto'
import type { Request } from 'autocannon'
import type { BenchRequest } from './load.ts'

let count = 0
const run = process.pid.toString(36)

/** A WhatsApp post about a message that nobody has seen yet, from one of a thousand customers, signed as Meta signs. */
export function signed(request: Request, { body = '', unique }: BenchRequest): Request {
  if (!unique) return request
  count++
  const text = body
    .replaceAll(unique.text, `${run}${count.toString(36)}`)
    .replaceAll('4915100000000', `49151${String(10_000_000 + (count % 1000)).slice(-8)}`)
  const signature = createHmac('sha256', unique.secret).update(text).digest('hex')
  return { ...request, body: text, headers: { ...request.headers, 'x-hub-signature-256': `sha256=${signature}` } }
}
