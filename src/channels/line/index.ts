import type { ChannelType, Parsed } from '../channel.ts'
import { fetchLineMedia, MEDIA_BYTES_MAX } from './media.ts'
import { MESSAGES_MAX, TEXT_LENGTH_MAX } from './outbound.ts'
import { parseLine } from './parse.ts'
import { fetchLineProfile } from './profile.ts'
import { LINE_RICH } from './rich.ts'
import { sendLine } from './send.ts'
import { type LineSettings, lineSettings } from './settings.ts'
import { splitLine } from './split.ts'
import { verifyLine } from './verify.ts'

/** LINE Messaging API. Source: https://developers.line.biz/en/reference/messaging-api/ */
export const line: ChannelType<LineSettings, Parsed> = {
  type: 'line',
  settings: lineSettings,
  secrets: ['channelSecret', 'channelAccessToken'],
  // An account has one channel with one secret, and the settings do not name the account.
  account: () => null,
  appSecret: () => null,
  verify: (post, settings) => verifyLine(post, settings.channelSecret),
  split: splitLine,
  parse: parseLine,
  setup: (_settings, webhookUrl) => [
    {
      name: 'webhook_url',
      hint: 'LINE Developers Console → your channel → Messaging API → Webhook URL; switch on “Use webhook” and “Webhook redelivery” there',
      value: webhookUrl,
    },
  ],
  fetchProfile: fetchLineProfile,
  reaches: ['line'],
  // True of pushes. What went out as a reply, which is what a reply handle is for, is not sent again: see sendLine.
  isIdempotent: true,
  threadKind: 'group',
  send: sendLine,
  fetchMedia: fetchLineMedia,
  sends: {
    files: ['image', 'video', 'audio', 'document', 'sticker'],
    filesMax: MESSAGES_MAX - 1,
    templates: false,
    subject: false,
    rich: LINE_RICH,
  },
  limits: { textLength: TEXT_LENGTH_MAX, textUnit: 'utf16', mediaBytesMax: MEDIA_BYTES_MAX, accountPerSecond: 2000 },
  window: { replyHours: null },
}
