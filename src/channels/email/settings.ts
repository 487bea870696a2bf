import { randomBytes } from 'node:crypto'
import { z } from 'zod'

const secretText = (description: string) =>
  z
    .string()
    .min(8)
    .max(1024)
    .meta({ description: `${description} Goes in, never comes out.`, example: 'a-long-random-word-of-your-own' })

const shared = secretText('The password in the address that mail is posted to; made when left out.').optional()

/** Where SES keeps mail that it does not post, and as whom it is read there. */
const bucket = z
  .strictObject({
    name: z
      .string()
      // Old ones are longer, and in capitals too.
      .regex(/^[A-Za-z0-9][\w.-]{1,253}[A-Za-z0-9]$/, 'A bucket’s name has letters, digits, dots and hyphens')
      .meta({
        description: 'The bucket of the rule’s S3 action; mail in any other is not fetched.',
        example: 'my-mail',
      }),
    region: z
      .string()
      .regex(/^[a-z]{2,4}(?:-[a-z]+)+-\d$/, 'A region is named like eu-west-1')
      .meta({ description: 'The region of the bucket.', example: 'eu-west-1' }),
    accessKeyId: z
      .string()
      .regex(/^\w{16,128}$/, 'An access key id has 16 letters and digits or more')
      .meta({ description: 'Whose key it is: a user that may read the bucket.', example: 'AKIAIOSFODNN7EXAMPLE' }),
    secretAccessKey: secretText('The secret access key of that user.'),
    apiBaseUrl: z
      .url({ protocol: /^https?$/ })
      .optional()
      .meta({
        description: 'The S3 service, where it is not Amazon’s own.',
        example: 'https://s3.eu-west-1.amazonaws.com',
        pattern: '^https?://',
      }),
  })
  .meta({
    description:
      'The bucket of a receipt rule with an S3 action (mail of up to 40 MB); without it such mail waits there.',
  })

/** Which service posts the mail of the mailbox, and how its posts prove themselves. */
const inbound = z
  .discriminatedUnion('kind', [
    z.strictObject({
      kind: z
        .literal('raw')
        .meta({ description: 'The mail as it is (RFC 5322), posted by your own mail server.', example: 'raw' }),
      secret: shared,
      authservId: z.string().min(1).max(255).optional().meta({
        description:
          'The name by which your own mail server signs `Authentication-Results` (RFC 8601). Without it no sender counts as verified.',
        example: 'mx.example.com',
      }),
    }),
    z.strictObject({
      kind: z.literal('postmark').meta({ description: 'Postmark’s inbound webhook.', example: 'postmark' }),
      secret: shared,
    }),
    z.strictObject({
      kind: z.literal('mailgun').meta({ description: 'A route of Mailgun that forwards.', example: 'mailgun' }),
      secret: secretText('Mailgun’s HTTP webhook signing key.'),
    }),
    z.strictObject({
      kind: z.literal('sendgrid').meta({ description: 'SendGrid’s Inbound Parse.', example: 'sendgrid' }),
      secret: shared,
    }),
    z.strictObject({
      kind: z.literal('ses').meta({ description: 'Amazon SES through an SNS topic.', example: 'ses' }),
      topicArn: z
        .string()
        .regex(
          /^arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]{1,256}$/,
          'A topic is named like arn:aws:sns:eu-west-1:123456789012:mail',
        )
        .meta({
          description: 'The one topic that is listened to.',
          example: 'arn:aws:sns:eu-west-1:123456789012:mail',
        }),
      secret: secretText('A password in the address, beside the signature of the topic.').optional(),
      bucket: bucket.optional(),
    }),
  ])
  .meta({ description: 'How mail comes in.' })

const smtp = z
  .strictObject({
    host: z
      .string()
      .min(1)
      .max(253)
      .regex(/^[A-Za-z0-9.:[\]_-]+$/)
      .meta({ description: 'The mail server that sends.', example: 'smtp.example.com' }),
    port: z.int().min(1).max(65535).meta({ description: 'Its port.', example: 587 }),
    secure: z.boolean().meta({
      description:
        'TLS from the first byte (port 465). Otherwise STARTTLS, without which no password is sent to a public server.',
      example: false,
    }),
    username: z.string().max(320).optional().meta({ description: 'Who logs in.', example: 'support@example.com' }),
    password: z
      .string()
      .max(1024)
      .optional()
      .meta({ description: 'The password. Goes in, never comes out.', example: 'app-password' }),
  })
  .meta({ description: 'How answers are sent; without it the mailbox only receives.' })

export const emailSettings = z
  .strictObject({
    address: z.email().max(254).meta({
      description:
        'The address of the mailbox. What is sent from it with another program, and copied to it or to this channel (BCC, journaling), is shown in its conversation as an answer given elsewhere.',
      example: 'support@example.com',
    }),
    displayName: z
      .string()
      .max(100)
      .optional()
      .meta({ description: 'The name that answers come from.', example: 'Example Support' }),
    inbound,
    smtp: smtp.optional(),
    plusAddressing: z.boolean().optional().meta({
      description:
        'Whether mail to `name+word@` reaches the mailbox, as it does with most servers: answers then name their conversation in Reply-To. True unless given.',
      example: true,
    }),
  })
  .meta({ id: 'EmailSettings', description: 'The settings of an email channel.' })

export type EmailSettings = z.infer<typeof emailSettings>
export type MailBucket = z.infer<typeof bucket>
export type InboundKind = EmailSettings['inbound']['kind']

/** Makes the password in the address where the client gave none. */
export function withInboundSecret(settings: EmailSettings): EmailSettings {
  const { inbound: given } = settings
  if (given.secret !== undefined || given.kind === 'mailgun' || given.kind === 'ses') return settings
  return { ...settings, inbound: { ...given, secret: randomBytes(24).toString('base64url') } }
}
