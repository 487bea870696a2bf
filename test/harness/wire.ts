import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

/** What passes on the wire in one direction, to be changed, held back or cut; a function that gives it on as it is by default. */
export type Pass = (bytes: Buffer, cut: () => void) => Buffer | Promise<Buffer>

/** A wire between the service and PostgreSQL that can be told to fail as networks and servers do. */
export interface Wire {
  /** The database's address through this wire. */
  url: string
  fromServer: Pass
  fromClient: Pass
  /** Cuts every connection. */
  cut(): void
}

export async function startWire(
  t: { teardown(end: () => Promise<void>): unknown },
  databaseUrl: string,
): Promise<Wire> {
  const target = new URL(databaseUrl)
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    const upstream = connect(Number(target.port || 5432), target.hostname)
    const cut = (): void => {
      client.destroy()
      upstream.destroy()
    }
    for (const [from, to, direction] of [
      [client, upstream, 'fromClient'],
      [upstream, client, 'fromServer'],
    ] as const) {
      sockets.add(from)
      // One after the other: what was held back must not be overtaken.
      let before = Promise.resolve()
      from.on('data', (bytes: Buffer) => {
        before = before.then(async () => {
          const passed = await wire[direction](bytes, cut)
          if (!to.destroyed) to.write(passed)
        })
      })
      from.on('error', cut).on('close', () => {
        sockets.delete(from)
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
  const asItIs: Pass = (bytes) => bytes
  const wire: Wire = {
    url: url.href,
    fromServer: asItIs,
    fromClient: asItIs,
    cut: () => {
      for (const socket of sockets) socket.destroy()
    },
  }
  return wire
}
