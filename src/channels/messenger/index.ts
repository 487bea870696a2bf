import type { ChannelType, Parsed } from '../channel.ts'
import { downloadFile } from '../meta/media.ts'
import { parseMessaging } from '../meta/messaging/parse.ts'
import { messagingProfile } from '../meta/messaging/profile.ts'
import { messagingRich } from '../meta/messaging/rich.ts'
import { webhookSteps } from '../meta/messaging/webhook-setup.ts'
import { META_SECRETS } from '../meta/settings.ts'
import { splitMeta } from '../meta/split.ts'
import { hubHandshake, verifyHubSignature } from '../meta/verify.ts'
import { messengerApi, sendMessenger, TEXT_LENGTH_MAX } from './send.ts'
import { type MessengerSettings, messengerSettings } from './settings.ts'

/** The largest file that a person can send on Messenger. */
const MEDIA_BYTES_MAX = 100 * 1024 * 1024

const WEBHOOK_FIELDS = [
  'messages',
  'message_echoes',
  'message_edits',
  'message_reactions',
  'message_deliveries',
  'message_reads',
  'messaging_postbacks',
  'messaging_referrals',
  'messaging_optins',
  'messaging_handovers',
  'messaging_account_linking',
  'messaging_policy_enforcement',
  'standby',
  'feed',
  'mention',
]

/** Facebook Messenger. Source: https://developers.facebook.com/docs/messenger-platform */
export const messenger: ChannelType<MessengerSettings, Parsed> = {
  type: 'messenger',
  settings: messengerSettings,
  secrets: META_SECRETS,
  account: (settings) => settings.pageId,
  appSecret: (settings) => settings.appSecret,
  handshake: (query, settings) => hubHandshake(query, settings.verifyToken),
  verify: (post, settings) => verifyHubSignature(post, settings.appSecret),
  split: (post) => splitMeta('messenger', post),
  parse: (event) => parseMessaging('messenger', event),
  setup: (settings, webhookUrl) => [
    ...webhookSteps('Messenger', settings, webhookUrl, WEBHOOK_FIELDS),
    { name: 'page', hint: 'Meta app → Messenger → Webhooks → add this page’s subscription', value: settings.pageId },
  ],
  fetchProfile: (identity, settings, http) => messagingProfile('messenger', identity, messengerApi(settings), http),
  reaches: ['messenger'],
  isIdempotent: false,
  threadKind: 'direct',
  send: sendMessenger,
  // The addresses carry their own signature: the token goes to the API alone.
  fetchMedia: (ref, _settings, http) => downloadFile(ref.url, {}, MEDIA_BYTES_MAX, http),
  sends: {
    files: ['image', 'video', 'audio', 'document', 'sticker'],
    filesMax: 1,
    templates: false,
    subject: false,
    rich: messagingRich({ textLength: TEXT_LENGTH_MAX }, {}),
  },
  limits: { textLength: TEXT_LENGTH_MAX, captionLength: 0, mediaBytesMax: MEDIA_BYTES_MAX, accountPerSecond: 300 },
  window: { replyHours: 24, humanAgentHours: 168 },
}
