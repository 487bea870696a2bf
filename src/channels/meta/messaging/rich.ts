import { isLink, type RichContent } from '../../rich/content.ts'
import type { RichMeans } from '../../rich/means.ts'
import { type Failure, failed } from '../graph.ts'

const titleLength = 20
/** What comes back with whoever presses a button. */
const idLength = 1000

/**
 * Buttons that bring an id back go as quick replies, which stand above the keyboard until one is pressed; those that open
 * an address as a template, beside which others may stand.
 * Source: Meta, Messenger Platform "Quick replies", "Button template", Instagram "Button template".
 */
export const messagingRich = (
  text: Pick<NonNullable<RichMeans['replies']>, 'textLength' | 'textUnit'>,
  reactions: RichMeans['reactions'],
): RichMeans => ({
  replies: { ...text, max: 13, titleLength, idLength },
  links: { textLength: 640, max: 3, titleLength, idLength, mixed: true },
  reactions,
})

/** The member `message` of a request. */
export function messagingContent(rich: RichContent): { content: Record<string, unknown> } | Failure {
  if (rich.type !== 'interactive' || rich.interactive.buttons === undefined)
    return failed('type_not_supported', 'this channel can only be sent text, files and buttons')
  const { buttons } = rich.interactive
  if (!buttons.some(isLink)) {
    const replies = buttons.flatMap((one) =>
      isLink(one) ? [] : [{ content_type: 'text', title: one.title, payload: one.id }],
    )
    return { content: { text: rich.text, quick_replies: replies } }
  }
  const payload = {
    template_type: 'button',
    text: rich.text,
    buttons: buttons.map((one) =>
      isLink(one)
        ? { type: 'web_url', url: one.url, title: one.title }
        : { type: 'postback', title: one.title, payload: one.id },
    ),
  }
  return { content: { attachment: { type: 'template', payload } } }
}

/**
 * A reaction is an action of the page's, no message. Source: Meta, Messenger Platform "Sender actions", Instagram "React
 * and unreact".
 */
export const reactionBody = (
  recipient: Record<string, string>,
  messageId: string | undefined,
  reaction: string | null,
): Record<string, unknown> => ({
  recipient,
  sender_action: reaction === null ? 'unreact' : 'react',
  payload: { message_id: messageId, ...(reaction === null ? {} : { reaction }) },
})
