import type { OutboundFile, OutboundMessage, SendResult } from '../channel.ts'
import type { HttpClient } from '../http-client.ts'
import { failed, type GraphApi, uploadFile } from '../meta/graph.ts'
import { MESSAGING_ERRORS } from '../meta/messaging/errors.ts'
import { attachmentType, type Sender, sendMessaging } from '../meta/messaging/send.ts'
import { apiBaseUrl } from '../meta/settings.ts'
import type { MessengerSettings } from './settings.ts'

export const TEXT_LENGTH_MAX = 2_000
const FILE_BYTES_MAX = 25 * 1024 * 1024

const sender: Sender = {
  platform: 'messenger',
  textLengthMax: TEXT_LENGTH_MAX,
  textBytesMax: 4 * TEXT_LENGTH_MAX,
  reactionOf: (emoji) => emoji,
  takesMetadata: true,
  filePayload,
}

/** Uploaded first, then named by its id, so that a slow upload leaves no doubt about the message. */
async function filePayload(file: OutboundFile, api: GraphApi, http: HttpClient): ReturnType<Sender['filePayload']> {
  if (file.sizeBytes > FILE_BYTES_MAX) return failed('file_too_large', 'a file has at most 25 MB')
  const attachment = { type: attachmentType(file), payload: { is_reusable: true } }
  const form = { fields: { message: JSON.stringify({ attachment }) }, fileField: 'filedata', file }
  const uploaded = await uploadFile(api, 'me/message_attachments', form, 'attachment_id', http)
  return 'outcome' in uploaded ? uploaded : { payload: { attachment_id: uploaded.id } }
}

export function messengerApi(settings: MessengerSettings): GraphApi {
  return { baseUrl: apiBaseUrl(settings), accessToken: settings.accessToken, errors: MESSAGING_ERRORS }
}

export function sendMessenger(
  message: OutboundMessage,
  settings: MessengerSettings,
  http: HttpClient,
): Promise<SendResult> {
  return sendMessaging(message, sender, messengerApi(settings), http)
}
