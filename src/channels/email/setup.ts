import type { SetupStep } from '../channel.ts'
import { plusAddress } from './address.ts'
import type { EmailSettings, MailBucket } from './settings.ts'

const WHERE: Record<EmailSettings['inbound']['kind'], string> = {
  raw: 'Your mail server or script: POST each mail as it is (content type message/rfc822).',
  postmark: 'Postmark → server → Default inbound stream → Settings → Webhook; and Webhooks of the outbound stream',
  mailgun: 'Mailgun → Receiving → Create route → Forward; and Sending → Webhooks',
  sendgrid:
    'SendGrid → Settings → Inbound Parse → Destination URL, with “POST the raw, full MIME message”; and Mail Settings → Event Webhook',
  ses: 'Amazon SNS → your topic → Create subscription → HTTPS; and an SES receipt rule with an SNS action to the topic (mail of up to 150 KB), or with an S3 action that names the topic (up to 40 MB; needs inbound.bucket). Leave “raw message delivery” of the subscription off: it drops the signature.',
}

/** What to enter where, so that mail comes in, answers find their conversation, and nobody's server refuses them. */
export function setupEmail({ address, inbound, plusAddressing, smtp }: EmailSettings, webhookUrl: string): SetupStep[] {
  const isSigned = inbound.kind === 'mailgun' || (inbound.kind === 'ses' && inbound.secret === undefined)
  return [
    { name: 'callback_url', hint: WHERE[inbound.kind], value: webhookUrl },
    ...(isSigned
      ? []
      : [
          {
            name: 'callback_secret',
            hint: 'Put the secret of the settings into the address as its password, or send it as the header x-webhook-secret.',
            value: webhookUrl.replace('://', '://custodia:SECRET@'),
          },
        ]),
    ...(inbound.kind === 'ses' && inbound.bucket !== undefined ? [bucketStep(inbound.bucket, inbound.topicArn)] : []),
    ...(smtp !== undefined && plusAddressing !== false
      ? [
          {
            name: 'plus_address',
            hint: 'Mail to such addresses must reach the mailbox too; else set plusAddressing to false.',
            value: plusAddress(address, 'any-word'),
          },
        ]
      : []),
  ]
}

/** The least that the user behind the access key has to be allowed. */
function bucketStep({ name }: MailBucket, topicArn: string): SetupStep {
  const [, partition = 'aws'] = topicArn.split(':')
  const Statement = [{ Effect: 'Allow', Action: 's3:GetObject', Resource: `arn:${partition}:s3:::${name}/*` }]
  return {
    name: 'bucket_policy',
    hint: 'AWS IAM → the user of the access key → Add permissions → Create inline policy → JSON. The S3 action must not encrypt the mail with a key of its own (“Message encryption”): that of the bucket is enough.',
    value: JSON.stringify({ Version: '2012-10-17', Statement }),
  }
}
