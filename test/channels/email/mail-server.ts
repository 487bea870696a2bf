import { once } from 'node:events'
import PostalMime, { type Email } from 'postal-mime'
import { SMTPServer, type SMTPServerOptions } from 'smtp-server'

/** A mail as the server took it. */
export interface Taken {
  from: string
  to: string[]
  raw: string
  mail: Email
  user: string | undefined
  isTls: boolean
}

/** How the server behaves at a step: undefined is as it should. */
export interface Behaviour {
  /** "451 4.7.1 greylisted": said at RCPT */
  recipient?: string
  /** said after the data */
  data?: string
  /** closes the connection when the data has come, without a word */
  hangUp?: boolean
}

export interface MailServer {
  port: number
  taken: Taken[]
  behaviour: Behaviour
}

/** A mail server of a test's own, on the loopback. */
export async function startMailServer(
  t: { teardown(end: () => Promise<void>): unknown },
  options: SMTPServerOptions = {},
): Promise<MailServer> {
  const taken: Taken[] = []
  const state: MailServer = { port: 0, taken, behaviour: {} }
  const reply = (text: string): Error =>
    Object.assign(new Error(text.slice(4)), { responseCode: Number(text.slice(0, 3)) })
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    onAuth: (auth, _session, done) =>
      auth.password === 'right' ? done(null, { user: auth.username ?? '' }) : done(reply('535 5.7.8 no')),
    onRcptTo: (_address, _session, done) =>
      state.behaviour.recipient === undefined ? done() : done(reply(state.behaviour.recipient)),
    onData: (stream, session, done) => {
      const pieces: Buffer[] = []
      stream.on('data', (piece: Buffer) => pieces.push(piece))
      stream.on('end', async () => {
        const raw = Buffer.concat(pieces)
        const { mailFrom, rcptTo } = session.envelope
        taken.push({
          from: mailFrom === false ? '' : mailFrom.address,
          to: rcptTo.map(({ address }) => address),
          raw: raw.toString('latin1'),
          mail: await PostalMime.parse(raw),
          user: typeof session.user === 'string' ? session.user : undefined,
          isTls: session.secure === true,
        })
        if (state.behaviour.hangUp) for (const one of server.connections) one.close()
        else done(state.behaviour.data === undefined ? null : reply(state.behaviour.data))
      })
    },
    ...options,
  })
  server.on('error', () => {})
  server.listen(0, '127.0.0.1')
  await once(server.server, 'listening')
  const address = server.server.address()
  state.port = typeof address === 'object' && address !== null ? address.port : 0
  t.teardown(() => new Promise((resolve) => server.close(() => resolve())))
  return state
}

export const headerOf = ({ mail }: Taken, name: string): string | undefined =>
  mail.headers.find(({ key }) => key === name)?.value
