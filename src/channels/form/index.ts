import type { ChannelType } from '../channel.ts'
import { fetchConnectorMedia } from '../connector/send.ts'
import { answerForm } from './answer.ts'
import { formMediaPart } from './media.ts'
import { parseForm } from './parse.ts'
import { type FormSettings, formSettings } from './settings.ts'
import { setupForm } from './setup.ts'
import { splitForm } from './split.ts'
import { verifyForm } from './verify.ts'

const megabyte = 1024 * 1024

/** Forms on websites: HTML pages, Typeform, Tally and Jotform. Nothing can be sent to one. */
export const form: ChannelType<FormSettings> = {
  type: 'form',
  settings: formSettings,
  secrets: ['signingSecret'],
  account: () => null,
  appSecret: () => null,
  verify: verifyForm,
  split: splitForm,
  answer: answerForm,
  origins: ({ kind, allowedOrigins }) => (kind === 'html' ? (allowedOrigins ?? null) : null),
  postBytesMax: 12 * megabyte,
  parse: parseForm,
  parseNeedsSettings: true,
  setup: setupForm,
  reaches: [],
  isIdempotent: true,
  threadKind: 'direct',
  send: async () => ({
    outcome: 'failed',
    code: 'not_sendable',
    message: 'a form takes no messages',
    class: 'permanent',
  }),
  // Files of providers are plain addresses, like a connector's.
  fetchMedia: (ref, _settings, http) => fetchConnectorMedia(ref, {}, http),
  mediaPart: formMediaPart,
  sends: { files: [], filesMax: 0, templates: false, subject: false },
  limits: { textLength: 0, mediaBytesMax: 25 * megabyte },
  window: { replyHours: null },
}
