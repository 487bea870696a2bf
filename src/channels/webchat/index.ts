import type { ChannelType } from '../channel.ts'
import { formMediaPart } from '../form/media.ts'
import { wholeForm } from '../rich/whole.ts'
import { parseWebchat } from './parse.ts'
import { type WebchatSettings, webchatSettings } from './settings.ts'
import { splitWebchat } from './split.ts'

/** Longer than anybody types into a chat. */
export const textLengthMax = 10_000
export const fileBytesMax = 10 * 1024 * 1024

/**
 * A chat on websites. There is no provider: visitors write and read at the hub's own routes, which post here what they
 * wrote as any provider would. An answer is handed over by its own row: it is sent as soon as visitors may see it.
 */
export const webchat: ChannelType<WebchatSettings> = {
  type: 'webchat',
  settings: webchatSettings,
  secrets: ['signingSecret'],
  account: () => null,
  appSecret: () => null,
  // Visitors show their tokens elsewhere; nobody posts here from outside.
  verify: () => ({ ok: false, reason: 'signature_missing' }),
  split: splitWebchat,
  origins: ({ allowedOrigins }) => allowedOrigins,
  parse: parseWebchat,
  setup: ({ allowedOrigins }, webhookUrl) => [
    {
      name: 'base_url',
      hint: 'Where the chat on the page opens its session: POST {base_url}/sessions.',
      value: webhookUrl.replace('/v1/ingest/', '/v1/webchat/'),
    },
    {
      name: 'user_hash',
      hint: 'For users who are logged in, your server gives the page the hexadecimal HMAC-SHA256 of the userId under the signingSecret, never the secret.',
      value: 'HMAC-SHA256(signingSecret, userId)',
    },
    { name: 'origins', hint: 'The pages that may use it.', value: allowedOrigins.join(' ') },
  ],
  reaches: ['webchat'],
  // The row itself is what is handed over: to hand it over again changes nothing.
  isIdempotent: true,
  threadKind: 'direct',
  send: async ({ id }) => ({ outcome: 'sent', externalId: id, recipientIds: [] }),
  mediaPart: formMediaPart,
  sends: {
    files: ['image', 'video', 'audio', 'document', 'sticker'],
    filesMax: 10,
    templates: false,
    subject: false,
    rich: wholeForm(textLengthMax),
  },
  limits: { textLength: textLengthMax, mediaBytesMax: fileBytesMax },
  window: { replyHours: null },
}
