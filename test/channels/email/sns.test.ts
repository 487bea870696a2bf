import { generateKeyPairSync, sign } from 'node:crypto'
import t from 'tap'
import type { Post } from '../../../src/channels/channel.ts'
import { email } from '../../../src/channels/email/index.ts'
import { canonicalString, SnsCertificates } from '../../../src/channels/email/sns.ts'
import { postOf } from '../post.ts'
import { selfSigned } from './certificate.ts'
import { basic, secret, settingsOf } from './fixtures.ts'

const topicArn = 'arn:aws:sns:eu-west-1:123456789012:mail'
const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
const certificate = selfSigned(privateKey, publicKey)
const certUrl = (name: string): string => `https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-${name}.pem`

function notification(url: string, headers: Record<string, string> = {}): Post {
  const body = {
    Type: 'Notification',
    MessageId: 'm-1',
    TopicArn: topicArn,
    Message: '{}',
    Timestamp: '2026-11-22T10:00:00.000Z',
    SignatureVersion: '2',
    SigningCertURL: url,
  }
  const Signature = sign('RSA-SHA256', Buffer.from(canonicalString(body)), privateKey).toString('base64')
  return postOf(JSON.stringify({ ...body, Signature }), headers)
}

/** Amazon, answering as it is told to. */
function amazon() {
  const asked: string[] = []
  const answer = { status: 200, body: certificate, fails: false }
  const request = async ({ url }: { url: string }) => {
    asked.push(url)
    if (answer.fails) throw new Error('no route')
    return { status: answer.status, headers: {}, body: answer.body }
  }
  const no = () => Promise.reject(new Error('not asked for'))
  return { asked, answer, request, download: no, connect: no }
}

t.test('who does not know the secret of a channel has no certificate fetched', async (t) => {
  const settings = settingsOf({ kind: 'ses', topicArn, secret })
  const http = amazon()
  const url = certUrl('secret')
  for (const headers of [{}, basic('wrong'), { 'x-webhook-secret': '' }]) {
    const post = notification(url, headers)
    await email.prepare?.(post, settings, http)
    t.equal(email.verify(post, settings).ok, false)
  }
  t.strictSame(http.asked, [])
  const post = notification(url, basic(secret))
  await email.prepare?.(post, settings, http)
  t.strictSame(email.verify(post, settings), { ok: true })
  t.strictSame(http.asked, [url])
})

t.test('an address that gave no certificate is left alone for a while, and asked again then', async (t) => {
  const certificates = new SnsCertificates()
  const http = amazon()
  const url = certUrl('failed')
  const post = notification(url)
  let now = 1_000_000
  const ok = async (): Promise<boolean> => {
    await certificates.prepare(post, topicArn, http, () => now)
    return certificates.verify(post, topicArn).ok
  }
  const failures: [string, Partial<typeof http.answer>][] = [
    ['a status', { status: 404 }],
    ['no certificate', { status: 200, body: Buffer.from('no certificate') }],
    ['no answer', { fails: true }],
  ]
  for (const [what, answer] of failures) {
    Object.assign(http.answer, answer)
    http.asked.length = 0
    for (let i = 0; i < 5; i++) t.equal(await ok(), false)
    t.equal(http.asked.length, 1, `asked once: ${what}`)
    await certificates.prepare(notification(certUrl('another')), topicArn, http, () => now)
    t.equal(http.asked.length, 2, 'another address is another')
    now += 30_000
  }
  Object.assign(http.answer, { status: 200, body: certificate, fails: false })
  t.equal(await ok(), true, 'after half a minute it is asked again')
})

t.test('posts that come at once have one certificate fetched once', async (t) => {
  const certificates = new SnsCertificates()
  const http = amazon()
  const post = notification(certUrl('once'))
  await Promise.all(Array.from({ length: 20 }, () => certificates.prepare(post, topicArn, http)))
  t.strictSame(http.asked, [certUrl('once')])
  t.equal(certificates.verify(post, topicArn).ok, true)
})
