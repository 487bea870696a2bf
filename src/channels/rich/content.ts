import { at, compact, isObject, type JsonObject, type JsonValue, listAt, numberAt, textAt } from '../json.ts'

/**
 * What can be sent beside words, files and templates: choices, a place, contact cards, a reaction. One form for all channels; what of
 * it a channel takes is its `RichMeans`.
 */
export type RichContent =
  | { type: 'interactive'; text: string; interactive: Interactive }
  | { type: 'location'; text: string; location: SharedLocation }
  | { type: 'contacts'; text: string; contacts: ContactCard[] }
  | { type: 'reaction'; text: string; reaction: Reaction }

/** Choices under a text: buttons, or a list that opens. */
export type Interactive = { header?: string; footer?: string } & (
  | { buttons: Button[]; list?: undefined }
  | { list: ChoiceList; buttons?: undefined }
)

/** `id` comes back with whoever presses it; `url` is opened on their device, and nobody is told. */
export type Button = ReplyButton | LinkButton
export interface ReplyButton {
  id: string
  title: string
}
export interface LinkButton {
  title: string
  url: string
}

export interface ChoiceList {
  /** the words on what opens it */
  button: string
  sections: ListSection[]
}
export interface ListSection {
  title?: string
  rows: ListRow[]
}
export interface ListRow {
  id: string
  title: string
  description?: string
}

export interface SharedLocation {
  /** degrees, WGS 84 */
  latitude: number
  longitude: number
  name?: string
  address?: string
}

export interface ContactCard {
  name: string
  /** E.164 */
  phones: string[]
  emails: string[]
  company?: string
}

/** To the message that it answers; the one before it goes. `emoji` null: none takes its place. */
export interface Reaction {
  emoji: string | null
}

export const isRich = (content: { type: string }): content is RichContent =>
  content.type === 'interactive' ||
  content.type === 'location' ||
  content.type === 'contacts' ||
  content.type === 'reaction'

export const isLink = (button: Button): button is LinkButton => 'url' in button

/** What stands in for a name or an address that is not given: where it is, which every language reads. */
export const coordinatesOf = ({ latitude, longitude }: SharedLocation): string => `${latitude}, ${longitude}`

/** The plain rendering of a place or of cards, as those that come in have it. */
export function renderedLocation(location: SharedLocation): string {
  const place = [location.name, location.address].filter((part) => part !== undefined)
  return `[location] ${place.length > 0 ? place.join(', ') : coordinatesOf(location)}`
}
export const renderedCards = (cards: readonly ContactCard[]): string =>
  `[contacts] ${cards.map(({ name }) => name).join(', ')}`

export const renderedReaction = ({ emoji }: Reaction): string => emoji ?? '[reaction taken back]'

/** As a message's `content` holds it: a place and cards in the shape in which they come in. */
export function contentOfRich(rich: RichContent): JsonObject {
  switch (rich.type) {
    case 'interactive': {
      const { header, footer, buttons, list } = rich.interactive
      return compact({
        kind: list === undefined ? 'buttons' : 'list',
        text: rich.text,
        header,
        footer,
        buttons: buttons?.map((button) => ({ ...button })),
        list: list && listJson(list),
      })
    }
    case 'location': {
      const { latitude, longitude, name, address } = rich.location
      return compact({ latitude, longitude, name, address })
    }
    case 'contacts':
      return {
        contacts: rich.contacts.map(({ name, phones, emails, company }) => ({
          name: { formattedName: name },
          phones: phones.map((phone) => ({ phone })),
          emails: emails.map((email) => ({ email })),
          ...(company === undefined ? {} : { org: { company } }),
        })),
      }
    case 'reaction':
      return { emoji: rich.reaction.emoji }
  }
}

const listJson = ({ button, sections }: ChoiceList): JsonObject => ({
  button,
  sections: sections.map(({ title, rows }) => ({
    ...compact({ title }),
    rows: rows.map(({ id, title: name, description }) => compact({ id, title: name, description })),
  })),
})

/** What `contentOfRich` stored; null for what it did not. */
export function richOf(type: string, content: JsonValue, text: string): RichContent | null {
  switch (type) {
    case 'interactive': {
      const interactive = interactiveOf(content)
      return interactive && { type, text, interactive }
    }
    case 'location': {
      const latitude = numberAt(content, 'latitude')
      const longitude = numberAt(content, 'longitude')
      if (latitude === undefined || longitude === undefined) return null
      const name = textAt(content, 'name')
      const address = textAt(content, 'address')
      return { type, text, location: { latitude, longitude, name, address } }
    }
    case 'contacts': {
      const contacts = listAt(content, 'contacts').flatMap(cardOf)
      return contacts.length === 0 ? null : { type, text, contacts }
    }
    case 'reaction': {
      const emoji = at(content, 'emoji')
      return emoji === null || typeof emoji === 'string' ? { type, text, reaction: { emoji } } : null
    }
    default:
      return null
  }
}

function interactiveOf(content: JsonValue): Interactive | null {
  const around = { header: textAt(content, 'header'), footer: textAt(content, 'footer') }
  const button = textAt(content, 'list', 'button')
  if (button !== undefined)
    return { ...around, list: { button, sections: listAt(content, 'list', 'sections').map(sectionOf) } }
  const buttons = listAt(content, 'buttons').flatMap((one): Button[] => {
    const title = textAt(one, 'title')
    const id = textAt(one, 'id')
    const url = textAt(one, 'url')
    if (title === undefined) return []
    if (id !== undefined) return [{ id, title }]
    return url === undefined ? [] : [{ title, url }]
  })
  return buttons.length === 0 ? null : { ...around, buttons }
}

function sectionOf(section: JsonValue): ListSection {
  const rows = listAt(section, 'rows').flatMap((row): ListRow[] => {
    const id = textAt(row, 'id')
    const title = textAt(row, 'title')
    if (id === undefined || title === undefined) return []
    return [{ id, title, description: textAt(row, 'description') }]
  })
  return { title: textAt(section, 'title'), rows }
}

function cardOf(card: JsonValue): ContactCard[] {
  const name = textAt(card, 'name', 'formattedName')
  if (name === undefined || !isObject(at(card, 'name'))) return []
  const texts = (member: string, of: string) => listAt(card, member).flatMap((one) => textAt(one, of) ?? [])
  const company = textAt(card, 'org', 'company')
  return [{ name, phones: texts('phones', 'phone'), emails: texts('emails', 'email'), company }]
}
