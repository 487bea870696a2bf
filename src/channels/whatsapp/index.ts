import type { ChannelType, Parsed } from '../channel.ts'
import { fetchWhatsAppMedia, MEDIA_BYTES_MAX } from './media.ts'
import { parseWhatsApp } from './parse.ts'
import { sendWhatsApp, TEXT_LENGTH_MAX } from './send.ts'
import { type WhatsAppSettings, whatsappSettings } from './settings.ts'
import { splitWhatsApp } from './split.ts'
import { hubHandshake, verifyHubSignature } from './verify.ts'

/** WhatsApp Cloud API. Source: https://developers.facebook.com/docs/whatsapp/cloud-api */
export const whatsapp: ChannelType<WhatsAppSettings, Parsed> = {
  type: 'whatsapp',
  settings: whatsappSettings,
  secrets: ['appSecret', 'verifyToken', 'accessToken'],
  account: (settings) => settings.phoneNumberId,
  scope: (settings) => settings.wabaId ?? null,
  appSecret: (settings) => settings.appSecret,
  handshake: (query, settings) => hubHandshake(query, settings.verifyToken),
  verify: (post, settings) => verifyHubSignature(post, settings.appSecret),
  split: splitWhatsApp,
  parse: parseWhatsApp,
  setup: (settings, webhookUrl) => [
    { name: 'callback_url', hint: 'Meta app → WhatsApp → Configuration → Callback URL', value: webhookUrl },
    { name: 'verify_token', hint: 'Meta app → WhatsApp → Configuration → Verify token', value: settings.verifyToken },
  ],
  reaches: ['whatsapp', 'whatsapp_bsuid', 'whatsapp_parent_bsuid', 'phone'],
  isIdempotent: false,
  threadKind: 'group',
  send: sendWhatsApp,
  fetchMedia: fetchWhatsAppMedia,
  sends: { files: [], filesMax: 0, templates: false, subject: false },
  limits: {
    textLength: TEXT_LENGTH_MAX,
    captionLength: 1024,
    mediaBytesMax: MEDIA_BYTES_MAX,
    accountPerSecond: 80,
    recipient: { everyMs: 6_000, burst: 45 },
  },
  window: { replyHours: 24 },
}
