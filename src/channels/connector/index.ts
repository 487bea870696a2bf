import type { ChannelType, Parsed } from '../channel.ts'
import { wholeForm } from '../rich/whole.ts'
import { verifyWebhook } from '../standard-webhooks.ts'
import { parseConnector } from './parse.ts'
import { fetchConnectorMedia, MEDIA_BYTES_MAX, sendConnector, TEXT_LENGTH_MAX } from './send.ts'
import { type ConnectorSettings, connectorSettings, withSecret } from './settings.ts'
import { splitConnector } from './split.ts'

/** The generic connector: our own protocol, for every channel that has no folder here. */
export const connector: ChannelType<ConnectorSettings, Parsed> = {
  type: 'connector',
  settings: connectorSettings,
  secrets: ['secret'],
  generate: withSecret,
  account: () => null,
  appSecret: () => null,
  verify: (post, { secret }) =>
    secret === undefined
      ? { ok: false, reason: 'secret_missing' }
      : verifyWebhook(post.headers, post.rawBody, post.receivedAt, secret),
  split: splitConnector,
  answer: ({ accepted, duplicates, rejected }) => ({
    status: 202,
    body: { accepted, duplicates, rejected: rejected.map(({ id, code }) => ({ id, code })) },
  }),
  parse: parseConnector,
  setup: (settings, webhookUrl) => [
    { name: 'webhook_url', hint: 'Where your connector posts, signed by Standard Webhooks.', value: webhookUrl },
    ...(settings.outboundUrl === undefined
      ? []
      : [
          {
            name: 'outbound_url',
            hint: 'Where answers are posted, signed by the same secret.',
            value: settings.outboundUrl,
          },
        ]),
  ],
  reaches: ['connector', 'phone', 'email'],
  isIdempotent: true,
  threadKind: 'direct',
  send: sendConnector,
  fetchMedia: fetchConnectorMedia,
  sends: { files: [], filesMax: 0, templates: false, subject: false, rich: wholeForm(TEXT_LENGTH_MAX) },
  limits: { textLength: TEXT_LENGTH_MAX, mediaBytesMax: MEDIA_BYTES_MAX },
  window: { replyHours: null },
}
