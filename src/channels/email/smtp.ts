import type { Socket } from 'node:net'
import type { SendResult } from '../channel.ts'
import { type HttpClient, HttpClientError } from '../http-client.ts'
import type { Composed } from './compose.ts'
import type { EmailSettings } from './settings.ts'

/** Together shorter than a lease of a message: what is on its way is waited for. */
const CONNECT_MS = 10_000
const SILENCE_MS = 20_000
const WHOLE_MS = 90_000

type Smtp = NonNullable<EmailSettings['smtp']>
type Failure = Exclude<SendResult, { outcome: 'sent' }>

/**
 * Hands one mail to a mail server. SMTP has no idempotency: once the last byte has left and the server's word is lost,
 * nobody knows. Until then it has not taken the mail, and the same one may be tried again.
 * Sources: RFC 5321 (reply classes: 4yz passes, 5yz does not), RFC 4954 (535), RFC 3207 (STARTTLS).
 */
export async function deliver(
  mail: Composed,
  smtp: Smtp,
  http: Pick<HttpClient, 'connect'>,
): Promise<Failure | { outcome: 'sent' }> {
  // Before there is a socket: between its connection and its first reader nobody may have to wait.
  const { default: SMTPConnection } = await import('nodemailer/lib/smtp-connection')
  let socket: Socket
  try {
    socket = await http.connect({ host: smtp.host, port: smtp.port, timeoutMs: CONNECT_MS })
  } catch (error) {
    mail.stream.destroy()
    if (!(error instanceof HttpClientError)) throw error
    if (error.code === 'blocked_address')
      return permanent('blocked_address', 'the mail server is not at a public address')
    return { outcome: 'retry', reason: error.code }
  }
  const connection = new SMTPConnection({
    connection: socket,
    host: smtp.host,
    port: smtp.port,
    secure: smtp.secure,
    // A password, or a customer's words, do not cross the internet in clear; a server in our own network may be asked to.
    requireTLS: !smtp.secure && !isLocal(socket),
    greetingTimeout: CONNECT_MS,
    connectionTimeout: CONNECT_MS,
    socketTimeout: SILENCE_MS,
    name: mail.envelope.from.slice(mail.envelope.from.lastIndexOf('@') + 1),
    tls: { minVersion: 'TLSv1.2', ...(isLocal(socket) ? { rejectUnauthorized: false } : {}) },
  })
  let isWritten = false
  mail.stream.once('end', () => {
    isWritten = true
  })
  const timer = setTimeout(() => connection.close(), WHOLE_MS)
  try {
    return await conversation(connection, mail, smtp)
  } catch (error) {
    return failureOf(error, isWritten)
  } finally {
    clearTimeout(timer)
    mail.stream.destroy()
    connection.close()
    socket.destroy()
  }
}

type Connection = InstanceType<typeof import('nodemailer/lib/smtp-connection').default>

async function conversation(
  connection: Connection,
  mail: Composed,
  { username, password }: Smtp,
): Promise<{ outcome: 'sent' }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ outcome: 'sent' }>()
  connection.on('error', reject)
  connection.once('end', () => reject(endOf(connection)))
  const send = (): void =>
    void connection.send(mail.envelope, mail.stream, (error) => (error ? reject(error) : resolve({ outcome: 'sent' })))
  connection.connect((error) => {
    if (error) reject(error)
    else if (username === undefined || password === undefined) send()
    else connection.login({ user: username, pass: password }, (refused) => (refused ? reject(refused) : send()))
  })
  const done = await promise
  connection.quit()
  return done
}

/** A server that closes says so with 421, and has ended the connection before whoever waits for its word hears it. */
function endOf({ lastServerResponse: last }: Connection): Error {
  const said = typeof last === 'string' && /^421[ -]/.test(last) ? { responseCode: 421, response: last } : {}
  return Object.assign(new Error('the connection ended'), said)
}

/** In our own network, which only `OUTBOUND_ALLOW_PRIVATE` lets anything reach. */
function isLocal({ remoteAddress }: Socket): boolean {
  return (
    remoteAddress === undefined ||
    /^(?:::ffff:)?(?:127\.|10\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.)|^::1$|^f[cd]/i.test(remoteAddress)
  )
}

/** Too many logins, or too much of everything: trying with the next mail would only be more of it. */
const ofAccount = { retryAfterMs: 60_000, pauses: 'account' } as const

function failureOf(error: unknown, isWritten: boolean): Failure {
  const code = memberOf(error, 'code')
  const status = Number(memberOf(error, 'responseCode') ?? 0)
  const command = memberOf(error, 'command') ?? ''
  const enhanced = /\b[245]\.\d{1,3}\.\d{1,3}\b/.exec(memberOf(error, 'response') ?? '')?.[0]
  const word = enhanced ?? (status > 0 ? `smtp_${status}` : (code ?? 'network').toLowerCase())
  if (code === 'EAUTH') {
    if (status >= 400 && status < 500) return { outcome: 'retry', reason: word, ...ofAccount }
    return { outcome: 'failed', code: word, message: 'the mail server refused the login', class: 'reauthorise' }
  }
  if (status >= 500) return refused(word, status, command)
  if (status >= 400)
    return {
      outcome: 'retry',
      reason: word,
      // 421: the server wants no more of us for now. 450: that mailbox takes nothing for now (or its server greylists).
      ...(status === 421 ? ofAccount : status === 450 ? { retryAfterMs: 60_000 } : {}),
    }
  if (code === 'EENVELOPE' || code === 'EMESSAGE') return permanent(word, 'the mail server cannot take this mail')
  if (code === 'ETLS')
    return {
      outcome: 'failed',
      code: 'tls',
      message: 'there is no trusted TLS with the mail server',
      class: 'reauthorise',
    }
  return isWritten ? { outcome: 'unknown', reason: 'no_answer' } : { outcome: 'retry', reason: word }
}

/** The server's own words may name somebody: its code says enough. */
function refused(code: string, status: number, command: string): Failure {
  // 530, 534, 535, 538 anywhere: it wants another login.
  if ([530, 534, 535, 538].includes(status))
    return { outcome: 'failed', code, message: 'the mail server wants a login', class: 'reauthorise' }
  return permanent(code, command.startsWith('RCPT') ? 'the address was refused' : 'the mail server refused the mail')
}

function permanent(code: string, message: string): Failure {
  return { outcome: 'failed', code, message, class: 'permanent' }
}

function memberOf(error: unknown, name: string): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined
  const value: unknown = Reflect.get(error, name)
  return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined
}
