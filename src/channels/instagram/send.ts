import type { OutboundFile, OutboundMessage, SendResult } from '../channel.ts'
import type { HttpClient } from '../http-client.ts'
import { failed, type GraphApi } from '../meta/graph.ts'
import { MESSAGING_ERRORS } from '../meta/messaging/errors.ts'
import { type Sender, sendMessaging } from '../meta/messaging/send.ts'
import { type InstagramSettings, instagramBaseUrl } from './settings.ts'

/** Bytes in UTF-8: 1,000 characters fit as long as they are plain ones. */
export const TEXT_LENGTH_MAX = 1_000

const MEGABYTE = 1024 * 1024

const sender: Sender = {
  platform: 'instagram',
  textLengthMax: TEXT_LENGTH_MAX,
  textBytesMax: TEXT_LENGTH_MAX,
  reactionOf: () => 'love',
  takesMetadata: false,
  filePayload,
}

/** Instagram fetches files itself; with Instagram Login there is no other way. */
async function filePayload(file: OutboundFile): ReturnType<Sender['filePayload']> {
  const isPicture = file.kind === 'image' || file.kind === 'sticker'
  if (file.sizeBytes > (isPicture ? 8 : 25) * MEGABYTE)
    return failed('file_too_large', `a file of this kind has at most ${isPicture ? 8 : 25} MB`)
  if (file.kind === 'document' && !/^application\/pdf\b/i.test(file.mediaType))
    return failed('media_type_not_supported', 'Instagram takes no documents but PDF')
  return { payload: { url: await file.link() } }
}

export function instagramApi(settings: InstagramSettings): GraphApi {
  return { baseUrl: instagramBaseUrl(settings), accessToken: settings.accessToken, errors: MESSAGING_ERRORS }
}

export function sendInstagram(
  message: OutboundMessage,
  settings: InstagramSettings,
  http: HttpClient,
): Promise<SendResult> {
  return sendMessaging(message, sender, instagramApi(settings), http)
}
