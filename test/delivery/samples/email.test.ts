import { generateKeyPairSync, sign } from 'node:crypto'
import t from 'tap'
import type { Post } from '../../../src/channels/channel.ts'
import { email } from '../../../src/channels/email/index.ts'
import { canonicalString } from '../../../src/channels/email/sns.ts'
import { isObject, type JsonObject, type JsonValue } from '../../../src/channels/json.ts'
import { selfSigned } from '../../channels/email/certificate.ts'
import { basic, mail, mailbox, secret, settingsOf } from '../../channels/email/fixtures.ts'
import { alteredPost, providerPost, providerSample, topicArn } from '../../channels/email/sample.ts'
import { postOf } from '../../channels/post.ts'
import { sampleFiles, skip } from '../../channels/samples/table.ts'
import { altered, type Posted, type SamplePost, takeIn } from './intake.ts'

/** These name nobody at all. */
const nameless = /erroneous|mailparser_mixed|postalmime_mixed/

const over = ({ rawBody, headers }: Post): Posted => ({
  body: rawBody,
  headers: { 'content-type': 'application/json', ...headers },
})

/** A mail as one's own mail server posts it. */
function rawMail(name: string, bytes: Buffer): SamplePost {
  const by = (password: string): Posted => ({
    body: bytes,
    headers: { 'content-type': 'message/rfc822', ...basic(password) },
  })
  return {
    name,
    type: 'email',
    settings: { address: mailbox, inbound: { kind: 'raw', secret } },
    post: by(secret),
    forged: [by('another-secret'), { body: bytes, headers: { 'content-type': 'message/rfc822' } }],
  }
}

const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
const SigningCertURL = 'https://sns.us-east-1.amazonaws.com/SimpleNotificationService-ofsamples.pem'

/** As Amazon signs it, with a key of our own: the samples' own signatures are left out of them. */
function notification(sample: JsonValue): Post {
  const message: JsonObject = {
    ...(isObject(sample) ? sample : {}),
    TopicArn: topicArn,
    SignatureVersion: '2',
    SigningCertURL,
  }
  const Signature = sign('RSA-SHA256', Buffer.from(canonicalString(message)), privateKey).toString('base64')
  return postOf(JSON.stringify({ ...message, Signature }))
}

/** The certificate is with the channel type before anybody asks Amazon for it. */
async function knowCertificate(): Promise<void> {
  const no = () => Promise.reject(new Error('not asked for'))
  const body = selfSigned(privateKey, publicKey)
  await email.prepare?.(notification({ Type: 'Notification' }), settingsOf({ kind: 'ses', topicArn }), {
    request: async () => ({ status: 200, headers: {}, body }),
    download: no,
    connect: no,
  })
}

t.test('what became of every real mail, over HTTP', { skip }, async (t) => {
  const mails = sampleFiles('email').map(({ name, bytes }) => rawMail(`email/${name}`, bytes))
  const replies = sampleFiles('email_replies').map(({ name, bytes }) => {
    const text = bytes.toString('base64').replaceAll(/.{76}/g, '$&\r\n')
    const fields = { 'Content-Type': 'text/plain; charset=utf-8', 'Content-Transfer-Encoding': 'base64' }
    return rawMail(`email_replies/${name}`, Buffer.from(mail(fields, text)))
  })
  await takeIn(t, 'email', [...mails, ...replies], { failing: nameless })
})

t.test('what became of every provider’s mail and notification, over HTTP', { skip }, async (t) => {
  await knowCertificate()
  const unread: string[] = []
  const posts = sampleFiles('email_providers').flatMap((file): SamplePost[] => {
    const { name } = file
    const sample = providerSample(file)
    if (sample === null) return []
    if (sample.inbound === null) {
      unread.push(`${name} | no such service among the channel’s settings`)
      return []
    }
    const { kind } = sample.inbound
    const settings = { address: mailbox, inbound: sample.inbound }
    if (kind === 'ses') {
      const post = over(notification(sample.body))
      const unsigned = over(postOf(JSON.stringify(sample.body)))
      return [{ name, type: 'email', settings, post, forged: [altered(post), unsigned] }]
    }
    const post = providerPost(kind, sample.body, name)
    return [{ name, type: 'email', settings, post: over(post), forged: [over(alteredPost(post, kind))] }]
  })
  await takeIn(t, 'email-providers', posts, { unread })
})
