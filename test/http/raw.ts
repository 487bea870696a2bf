import { once } from 'node:events'
import { connect } from 'node:net'

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
