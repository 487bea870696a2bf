import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

/** What goes wrong with one statement: on its way to the server, or when the server has executed it. */
export type Fault =
  | { how: 'cut before' }
  | { how: 'cut after' }
  /** The server answers with this SQLSTATE and has not executed it, or has. */
  | { how: 'fails before' | 'fails after'; code: string }

/**
 * A wire between the service and PostgreSQL that knows where a statement ends (PostgreSQL's frontend/backend protocol
 * 3.0: a Query, or everything up to a Sync) and spoils one of them.
 */
export interface StatementWire {
  /** The database's address through this wire. */
  url: string
  /** Counts statements from now on, and spoils the nth (from 1). */
  watch(nth?: number, fault?: Fault): void
  /** What was sent since: the beginning of each statement's text. */
  sent: string[]
}

interface Answering {
  /** The answer to a statement that came through, which is kept from the client. */
  isSwallowed?: boolean
  /** With the end of the answer, the connection goes. */
  isLast?: boolean
}

export async function startStatementWire(
  t: { teardown(end: () => Promise<void>): unknown },
  databaseUrl: string,
): Promise<StatementWire> {
  const target = new URL(databaseUrl)
  const sockets = new Set<Socket>()
  let chosen: { nth: number; fault: Fault } | null = null
  const server = createServer((client) => {
    const upstream = connect(Number(target.port || 5432), target.hostname)
    const cut = (): void => {
      client.destroy()
      upstream.destroy()
    }
    // In the order in which the server will answer.
    const answers: Answering[] = []
    let isHeld = false
    let statement: Buffer[] = []
    let isStarted = false

    const send = (message: Buffer, answering: Answering = {}): void => {
      answers.push(answering)
      if (!upstream.destroyed) upstream.write(message)
    }
    const onStatement = (bytes: Buffer): void => {
      if (isHeld) return
      wire.sent.push(textOf(bytes))
      const fault = chosen?.nth === wire.sent.length ? chosen.fault : null
      if (!fault) send(bytes)
      else if (fault.how === 'cut before') cut()
      else if (fault.how === 'cut after') {
        // What is pipelined behind it never gets there.
        isHeld = true
        send(bytes, { isLast: true })
      } else {
        if (fault.how === 'fails after') send(bytes, { isSwallowed: true })
        // The server itself fails, so that its transaction is as after any failure.
        send(query(`DO $$ BEGIN RAISE EXCEPTION 'spoilt by the test' USING ERRCODE = '${fault.code}'; END $$`))
      }
    }
    pipe(client, (rest) => {
      if (!isStarted) {
        // The start-up packet has no type.
        const size = rest.length < 4 ? 0 : rest.readInt32BE(0)
        if (size === 0 || rest.length < size) return 0
        isStarted = true
        upstream.write(rest.subarray(0, size))
        return size
      }
      const size = sizeOf(rest)
      if (size === 0) return 0
      const message = Buffer.from(rest.subarray(0, size))
      const type = String.fromCharCode(message[0] ?? 0)
      if (type === 'p' || type === 'X') upstream.write(message)
      else {
        statement.push(message)
        if (type === 'Q' || type === 'S') {
          onStatement(Buffer.concat(statement))
          statement = []
        }
      }
      return size
    })
    pipe(upstream, (rest) => {
      const size = sizeOf(rest)
      if (size === 0) return 0
      const message = Buffer.from(rest.subarray(0, size))
      const [answering] = answers
      const isReady = message[0] === 'Z'.charCodeAt(0)
      if (isReady) answers.shift()
      if (answering?.isLast) {
        if (isReady) cut()
      } else if (!answering?.isSwallowed && !client.destroyed) client.write(message)
      return size
    })
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', cut).on('close', () => {
        sockets.delete(socket)
        cut()
      })
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(async () => {
    for (const socket of sockets) socket.destroy()
    server.close()
    await once(server, 'close')
  })
  const address = server.address()
  const url = new URL(databaseUrl)
  url.host = `127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`
  const wire: StatementWire = {
    url: url.href,
    sent: [],
    watch: (nth, fault) => {
      wire.sent.length = 0
      chosen = nth !== undefined && fault ? { nth, fault } : null
    },
  }
  return wire
}

/** Gives what arrives to `take`, which says how much of it was a whole message; 0: more must come. */
function pipe(from: Socket, take: (rest: Buffer) => number): void {
  let rest: Buffer = Buffer.alloc(0)
  from.on('data', (bytes: Buffer) => {
    rest = Buffer.concat([rest, bytes])
    for (let size = take(rest); size > 0; size = take(rest)) rest = rest.subarray(size)
  })
}

/** The size of the message at the beginning; 0: it is not there whole. */
function sizeOf(bytes: Buffer): number {
  if (bytes.length < 5) return 0
  const size = 1 + bytes.readInt32BE(1)
  return bytes.length < size ? 0 : size
}

function query(text: string): Buffer {
  const body = Buffer.from(`${text}\0`)
  const head = Buffer.alloc(5)
  head.write('Q')
  head.writeInt32BE(4 + body.length, 1)
  return Buffer.concat([head, body])
}

/** The beginning of a statement's text; of one that is prepared, its name. */
const textOf = (bytes: Buffer): string =>
  bytes
    .subarray(5, 400)
    .toString('latin1')
    .split('\0')
    .find((part) => part.length > 1)
    ?.slice(0, 80)
    .replaceAll(/\s+/g, ' ') ?? ''
