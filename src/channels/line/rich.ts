import type { JsonObject } from '../json.ts'
import { type Button, coordinatesOf, isLink, type RichContent, type SharedLocation } from '../rich/content.ts'
import type { RichMeans } from '../rich/means.ts'

const titleLength = 20
const idLength = 300

/**
 * Buttons that bring an id back go as quick replies, those that open an address as a template, beside which others may
 * stand. LINE counts UTF-16 units. Source: LINE, Messaging API "Quick reply", "Buttons template", "Action objects".
 */
export const LINE_RICH: RichMeans = {
  unit: 'utf16',
  replies: { textLength: 5000, max: 13, titleLength, idLength },
  links: { textLength: 160, max: 4, titleLength, idLength, urlLength: 1000, mixed: true },
  location: { nameLength: 100, addressLength: 100 },
}

/** The message object; undefined for what LINE has no form for. */
export function richMessage(rich: RichContent): JsonObject | undefined {
  if (rich.type === 'location') return locationMessage(rich.location)
  if (rich.type !== 'interactive' || rich.interactive.buttons === undefined) return undefined
  const { text } = rich
  const actions = rich.interactive.buttons.map(actionOf)
  if (rich.interactive.buttons.some(isLink))
    // What a watch or an old app shows instead.
    return { type: 'template', altText: text, template: { type: 'buttons', text, actions } }
  return { type: 'text', text, quickReply: { items: actions.map((action) => ({ type: 'action', action })) } }
}

/** Whoever presses it is seen to say its title, as if they had written it. */
const actionOf = (button: Button): JsonObject =>
  isLink(button)
    ? { type: 'uri', label: button.title, uri: button.url }
    : { type: 'postback', label: button.title, data: button.id, displayText: button.title }

/** LINE wants a title and an address of every place. */
function locationMessage(location: SharedLocation): JsonObject {
  const { latitude, longitude, name, address } = location
  const where = coordinatesOf(location)
  return { type: 'location', title: name ?? address ?? where, address: address ?? where, latitude, longitude }
}
