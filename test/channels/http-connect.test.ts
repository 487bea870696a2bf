import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { guardedSocket } from '../../src/channels/http-connect.ts'

t.test('a connection that is reset before anybody listens to it is no uncaught error', async (t) => {
  const server = createServer()
  const accepted = Promise.withResolvers<Socket>()
  server.on('connection', accepted.resolve).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const socket = await guardedSocket({ host: '127.0.0.1', port, timeoutMs: 5000 }, true)
  const peer = await accepted.promise
  socket.resume()
  peer.resetAndDestroy()
  await sleep(100)
  t.equal(socket.destroyed, true)
})
