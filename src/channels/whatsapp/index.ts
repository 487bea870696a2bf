import type { ChannelType, Parsed } from '../channel.ts'
import { apiBaseUrl, META_SECRETS } from '../meta/settings.ts'
import { splitMeta } from '../meta/split.ts'
import { hubHandshake, verifyHubSignature } from '../meta/verify.ts'
import { fetchWhatsAppMedia, MEDIA_BYTES_MAX } from './media.ts'
import { parseWhatsApp } from './parse.ts'
import { sendWhatsApp, TEXT_LENGTH_MAX } from './send.ts'
import { CAPTION_LENGTH_MAX } from './send-file.ts'
import { WHATSAPP_RICH } from './send-rich.ts'
import { type WhatsAppSettings, whatsappSettings } from './settings.ts'

/** What a hub has use for; everything else may be subscribed to as well. */
const WEBHOOK_FIELDS = [
  'messages',
  'smb_message_echoes',
  'history',
  'calls',
  'user_preferences',
  'user_id_update',
  'account_update',
  'account_alerts',
  'account_review_update',
  'phone_number_quality_update',
  'phone_number_name_update',
  'message_template_status_update',
  'message_template_quality_update',
  'template_category_update',
  'message_template_components_update',
  'business_username_update',
  'group_lifecycle_update',
  'group_participants_update',
]

/** WhatsApp Cloud API. Source: https://developers.facebook.com/docs/whatsapp/cloud-api */
export const whatsapp: ChannelType<WhatsAppSettings, Parsed> = {
  type: 'whatsapp',
  settings: whatsappSettings,
  secrets: META_SECRETS,
  account: (settings) => settings.phoneNumberId,
  scope: (settings) => settings.wabaId ?? null,
  appSecret: (settings) => settings.appSecret,
  handshake: (query, settings) => hubHandshake(query, settings.verifyToken),
  verify: (post, settings) => verifyHubSignature(post, settings.appSecret),
  split: (post) => splitMeta('whatsapp', post),
  parse: parseWhatsApp,
  setup: (settings, webhookUrl) => [
    { name: 'callback_url', hint: 'Meta app → WhatsApp → Configuration → Callback URL', value: webhookUrl },
    { name: 'verify_token', hint: 'Meta app → WhatsApp → Configuration → Verify token', value: settings.verifyToken },
    {
      name: 'subscribed_apps',
      hint: 'Once: POST to this address of the Graph API with the access token, or the account sends the app nothing.',
      value: `${apiBaseUrl(settings)}/${settings.wabaId ?? '{waba-id}'}/subscribed_apps`,
    },
    { name: 'fields', hint: 'Meta app → WhatsApp → Configuration → Webhook fields', value: WEBHOOK_FIELDS.join(', ') },
  ],
  reaches: ['whatsapp', 'whatsapp_bsuid', 'whatsapp_parent_bsuid', 'phone'],
  isIdempotent: false,
  threadKind: 'group',
  send: sendWhatsApp,
  fetchMedia: fetchWhatsAppMedia,
  sends: {
    files: ['image', 'video', 'audio', 'document', 'sticker'],
    filesMax: 1,
    templates: true,
    subject: false,
    rich: WHATSAPP_RICH,
  },
  limits: {
    textLength: TEXT_LENGTH_MAX,
    captionLength: CAPTION_LENGTH_MAX,
    mediaBytesMax: MEDIA_BYTES_MAX,
    accountPerSecond: 80,
    recipient: { everyMs: 6_000, burst: 45 },
  },
  window: { replyHours: 24 },
}
