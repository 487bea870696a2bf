import { type Interactive, isLink, type RichContent } from '../rich/content.ts'
import type { RichMeans } from '../rich/means.ts'
import type { Content } from './send-file.ts'

const around = { headerLength: 60, footerLength: 60 }

/** Source: Meta, Cloud API "Interactive reply buttons", "Interactive CTA URL button", "Interactive list messages". */
export const WHATSAPP_RICH: RichMeans = {
  replies: { ...around, textLength: 1024, max: 3, titleLength: 20, uniqueTitles: true, idLength: 256 },
  // One address, alone: what opens it says no id back, and nothing else may stand beside it.
  links: { ...around, textLength: 1024, max: 1, titleLength: 20, mixed: false },
  list: {
    ...around,
    textLength: 4096,
    buttonLength: 20,
    sectionsMax: 10,
    sectionTitleLength: 24,
    rowsMax: 10,
    titleLength: 24,
    descriptionLength: 72,
    idLength: 200,
    titledIfSeveral: true,
  },
  location: {},
  contacts: { max: 257, needsPhone: false },
  reactions: {},
}

/**
 * @param replyTo the message that a reaction is to
 * Source: Meta, Cloud API "Messages", types interactive, location, contacts and reaction.
 */
export function richContent(rich: RichContent, replyTo: string | undefined): Content {
  switch (rich.type) {
    case 'interactive':
      return { content: { type: 'interactive', interactive: interactiveBody(rich.interactive, rich.text) } }
    case 'location':
      return { content: { type: 'location', location: rich.location } }
    case 'contacts':
      return {
        content: {
          type: 'contacts',
          contacts: rich.contacts.map(({ name, phones, emails, company }) => ({
            // Beside the whole name WhatsApp insists on one part of it.
            name: { formatted_name: name, first_name: name },
            ...(phones.length === 0 ? {} : { phones: phones.map((phone) => ({ phone })) }),
            ...(emails.length === 0 ? {} : { emails: emails.map((email) => ({ email })) }),
            ...(company === undefined ? {} : { org: { company } }),
          })),
        },
      }
    case 'reaction':
      return { content: { type: 'reaction', reaction: { message_id: replyTo, emoji: rich.reaction.emoji ?? '' } } }
  }
}

function interactiveBody({ header, footer, buttons = [], list }: Interactive, text: string): Record<string, unknown> {
  const shown = {
    ...(header === undefined ? {} : { header: { type: 'text', text: header } }),
    body: { text },
    ...(footer === undefined ? {} : { footer: { text: footer } }),
  }
  if (list !== undefined) return { type: 'list', ...shown, action: list }
  const link = buttons.find(isLink)
  if (link !== undefined)
    return {
      type: 'cta_url',
      ...shown,
      action: { name: 'cta_url', parameters: { display_text: link.title, url: link.url } },
    }
  const replies = buttons.flatMap((button) => (isLink(button) ? [] : [{ id: button.id, title: button.title }]))
  return { type: 'button', ...shown, action: { buttons: replies.map((reply) => ({ type: 'reply', reply })) } }
}
