import type { Post } from '../../../src/channels/channel.ts'
import { at, isObject, type JsonObject, type JsonValue, parseJson } from '../../../src/channels/json.ts'
import { postOf } from '../post.ts'
import type { Sample } from '../samples/table.ts'
import { basic, formPost, mailgunKey, mailgunSigned, secret } from './fixtures.ts'

export const topicArn = 'arn:aws:sns:us-east-1:111111111111:SES_Inbound'

/** How the mail of a sample comes in, by the name of its provider. */
const inbound: Readonly<Record<string, Record<string, string>>> = {
  postmark: { kind: 'postmark', secret },
  mailgun: { kind: 'mailgun', secret: mailgunKey },
  sendgrid: { kind: 'sendgrid', secret },
  amazon: { kind: 'ses', topicArn },
}

export interface ProviderSample {
  /** null: no channel's settings name that provider */
  inbound: Record<string, string> | null
  body: JsonValue
}

/** A provider's sample; null for what nobody posts: SES puts its own events into SNS's. */
export function providerSample({ name, bytes }: Sample): ProviderSample | null {
  const provider = /^([a-z]+)_/.exec(name)?.[1] ?? ''
  const body = parseJson(bytes)
  if (body === undefined) throw new Error(`${name} is no JSON`)
  return provider === 'amazon' && !/sns_message/.test(name) ? null : { inbound: inbound[provider] ?? null, body }
}

/** As the provider posts it: signed anew where it signs, since samples are signed with others' secrets. */
export function providerPost(kind: string | undefined, sample: JsonValue, name: string): Post {
  if (kind === 'mailgun') {
    const signature = mailgunSigned(name)
    if (isObject(at(sample, 'signature')))
      return postOf(JSON.stringify({ ...(isObject(sample) ? sample : {}), signature }))
    return formPost({ ...textsOf(sample), ...signature })
  }
  const headers = basic(secret)
  if (kind === 'sendgrid' && isObject(sample)) {
    const form = formPost(textsOf(sample))
    return { ...form, headers: { ...form.headers, ...headers } }
  }
  return postOf(JSON.stringify(sample), headers)
}

/** The same with one byte more, where the provider signs; else shown with another secret. */
export function alteredPost(post: Post, kind: string | undefined): Post {
  if (kind === 'mailgun') return { ...post, rawBody: Buffer.concat([post.rawBody, Buffer.from(' ')]) }
  return { ...post, headers: { ...post.headers, ...basic('another-secret') } }
}

function textsOf(sample: JsonValue): Record<string, string> {
  const fields: JsonObject = isObject(sample) ? sample : {}
  return Object.fromEntries(
    Object.entries(fields).flatMap(([key, value]) =>
      typeof value === 'string' ? [[key, value] as [string, string]] : [],
    ),
  )
}
