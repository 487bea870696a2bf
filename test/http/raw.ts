import { once } from 'node:events'
import { connect } from 'node:net'
import type { Answer, TestService } from '../harness/service.ts'

export interface RawAnswer {
  status: number
  headers: Map<string, string>
  text: string
}

/**
 * Sends bytes as they are and reads one answer: what no HTTP client would send. Resolves when the server has closed or
 * has sent the whole of it.
 */
export async function raw(url: string, bytes: string | Buffer): Promise<RawAnswer> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  const chunks: Buffer[] = []
  // A server that refuses early closes while we still write.
  socket.on('error', () => {})
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  socket.setTimeout(15_000, () => socket.destroy())
  await once(socket, 'connect')
  socket.write(bytes)
  const closed = once(socket, 'close')
  while (!socket.destroyed && !isWhole(Buffer.concat(chunks)))
    await Promise.race([closed, once(socket, 'data').catch(() => {})])
  socket.destroy()
  return parse(Buffer.concat(chunks).toString())
}

function isWhole(bytes: Buffer): boolean {
  const text = bytes.toString('latin1')
  const end = text.indexOf('\r\n\r\n')
  const length = /^content-length: (\d+)$/im.exec(text.slice(0, end))?.[1]
  return end >= 0 && length !== undefined && bytes.length >= end + 4 + Number(length)
}

function parse(text: string): RawAnswer {
  const [head = '', ...rest] = text.split('\r\n\r\n')
  const [first = '', ...lines] = head.split('\r\n')
  return {
    status: Number(first.split(' ')[1] ?? 0),
    headers: new Map(
      lines.map((line) => [line.split(':')[0]?.toLowerCase() ?? '', line.split(': ').slice(1).join(': ')]),
    ),
    text: rest.join('\r\n\r\n'),
  }
}

/** Everything that the tenants have, to see that a refused request has left nothing. */
export async function everything({ sql }: TestService): Promise<string> {
  const tables = await sql<{ name: string }>(
    `SELECT c.oid::regclass::text AS name FROM pg_class c WHERE c.relkind = 'r' AND c.relnamespace = 'app'::regnamespace ORDER BY 1`,
  )
  const all = await Promise.all(tables.map(({ name }) => sql(`SELECT * FROM ${name} ORDER BY 1, 2`)))
  return JSON.stringify(all)
}

/** A refusal as every one is: a problem with its code and the request's id. */
export function refusal(answer: Answer | RawAnswer): string {
  const header = (name: string): string | undefined =>
    answer.headers instanceof Map ? answer.headers.get(name) : (answer as Answer).headers[name]
  if (answer.status < 400 || answer.status > 499) return `${answer.status} ${answer.text.slice(0, 200)}`
  if (!header('content-type')?.startsWith('application/problem+json'))
    return `${answer.status} as ${header('content-type')}`
  const body: Record<string, unknown> = JSON.parse(answer.text)
  const { code, requestId, status } = body
  if (status !== answer.status || typeof code !== 'string' || typeof requestId !== 'string') return answer.text
  const said = header('request-id')
  return said === undefined || said === requestId ? 'refused' : `${said} is not ${requestId}`
}
