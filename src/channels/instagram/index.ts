import type { ChannelType, Parsed } from '../channel.ts'
import { downloadFile } from '../meta/media.ts'
import { parseMessaging } from '../meta/messaging/parse.ts'
import { messagingProfile } from '../meta/messaging/profile.ts'
import { messagingRich } from '../meta/messaging/rich.ts'
import { webhookSteps } from '../meta/messaging/webhook-setup.ts'
import { META_SECRETS } from '../meta/settings.ts'
import { splitMeta } from '../meta/split.ts'
import { hubHandshake, verifyHubSignature } from '../meta/verify.ts'
import { instagramApi, sendInstagram, TEXT_LENGTH_MAX } from './send.ts'
import { type InstagramSettings, instagramSettings } from './settings.ts'

const MEDIA_BYTES_MAX = 100 * 1024 * 1024

const WEBHOOK_FIELDS = [
  'messages',
  'message_reactions',
  'message_edit',
  'messaging_postbacks',
  'messaging_referral',
  'messaging_seen',
  'messaging_handover',
  'standby',
  'comments',
  'live_comments',
  'mentions',
]

/** Instagram's direct messages. Source: https://developers.facebook.com/docs/instagram-platform */
export const instagram: ChannelType<InstagramSettings, Parsed> = {
  type: 'instagram',
  settings: instagramSettings,
  secrets: META_SECRETS,
  account: (settings) => settings.accountId,
  appSecret: (settings) => settings.appSecret,
  handshake: (query, settings) => hubHandshake(query, settings.verifyToken),
  verify: (post, settings) => verifyHubSignature(post, settings.appSecret),
  split: (post) => splitMeta('instagram', post),
  parse: (event) => parseMessaging('instagram', event),
  setup: (settings, webhookUrl) => [
    ...webhookSteps('Instagram', settings, webhookUrl, WEBHOOK_FIELDS),
    {
      name: 'allow_access',
      hint: 'Instagram app → Settings → Messages → Connected tools → Allow access to messages, in the account',
      value: settings.accountId,
    },
  ],
  fetchProfile: (identity, settings, http) => messagingProfile('instagram', identity, instagramApi(settings), http),
  reaches: ['instagram'],
  isIdempotent: false,
  threadKind: 'direct',
  send: sendInstagram,
  // The addresses carry their own signature: the token goes to the API alone.
  fetchMedia: (ref, _settings, http) => downloadFile(ref.url, {}, MEDIA_BYTES_MAX, http),
  sends: {
    files: ['image', 'video', 'audio', 'document', 'sticker'],
    filesMax: 1,
    templates: false,
    subject: false,
    rich: messagingRich({ textLength: TEXT_LENGTH_MAX, textUnit: 'byte' }, { emojis: ['❤️'] }),
  },
  limits: {
    textLength: TEXT_LENGTH_MAX,
    textUnit: 'byte',
    captionLength: 0,
    mediaBytesMax: MEDIA_BYTES_MAX,
    accountPerSecond: 300,
  },
  window: { replyHours: 24, humanAgentHours: 168 },
}
