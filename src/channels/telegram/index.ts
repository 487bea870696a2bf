import type { ChannelType, Parsed } from '../channel.ts'
import { answerCallback, connectTelegram } from './connect.ts'
import { fetchTelegramMedia, MEDIA_BYTES_MAX } from './media.ts'
import { parseTelegram } from './parse.ts'
import { fetchTelegramProfile } from './profile.ts'
import { TELEGRAM_RICH } from './rich.ts'
import { CAPTION_LENGTH_MAX, sendTelegram, TEXT_LENGTH_MAX } from './send.ts'
import { botIdOf, type TelegramSettings, telegramSettings, withSecretToken } from './settings.ts'
import { splitTelegram } from './split.ts'
import { groupOfThread } from './thread.ts'
import { verifyTelegram } from './verify.ts'

/** Telegram Bot API. Source: https://core.telegram.org/bots/api */
export const telegram: ChannelType<TelegramSettings, Parsed> = {
  type: 'telegram',
  settings: telegramSettings,
  secrets: ['botToken', 'secretToken'],
  generate: withSecretToken,
  account: botIdOf,
  appSecret: () => null,
  verify: (post, { secretToken }) =>
    secretToken === undefined ? { ok: false, reason: 'secret_missing' } : verifyTelegram(post, secretToken),
  split: splitTelegram,
  parse: parseTelegram,
  // Nothing is to be entered: `connect` tells Telegram. The address is named for those who look with getWebhookInfo.
  setup: (_settings, webhookUrl) => [
    {
      name: 'webhook_url',
      hint: 'Registered by this service itself (setWebhook); Telegram wants https on port 443, 80, 88 or 8443',
      value: webhookUrl,
    },
  ],
  connect: connectTelegram,
  errand: answerCallback,
  fetchProfile: fetchTelegramProfile,
  reaches: ['telegram'],
  isIdempotent: false,
  threadKind: 'group',
  send: sendTelegram,
  fetchMedia: fetchTelegramMedia,
  sends: {
    files: ['image', 'video', 'audio', 'document', 'sticker'],
    filesMax: 1,
    templates: false,
    subject: false,
    rich: TELEGRAM_RICH,
  },
  groupOf: groupOfThread,
  limits: {
    textLength: TEXT_LENGTH_MAX,
    captionLength: CAPTION_LENGTH_MAX,
    mediaBytesMax: MEDIA_BYTES_MAX,
    accountPerSecond: 30,
    recipient: { everyMs: 1_000, burst: 1 },
    // 20 in a minute, and never two in a second.
    group: { everyMs: 3_000, burst: 1 },
  },
  window: { replyHours: null },
}
