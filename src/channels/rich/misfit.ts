import type { Button, ChoiceList, ContactCard, Interactive, Reaction, RichContent, SharedLocation } from './content.ts'
import { isLink } from './content.ts'
import {
  type ButtonMeans,
  bareEmoji,
  type ListMeans,
  lengthOf,
  type RichMeans,
  type TextUnit,
  unitName,
} from './means.ts'
import { vcardOf } from './vcard.ts'

/** What of a message a channel does not take: `path` is a JSON pointer into what the client sent. */
export interface Misfit {
  code:
    | 'type_not_sendable'
    | 'part_not_sendable'
    | 'part_missing'
    | 'part_too_long'
    | 'too_many_parts'
    | 'duplicate_part'
    | 'text_empty'
    | 'text_too_long'
  path: string
  message: string
}

/** The first thing that the channel does not take; null: all of it fits. */
export function misfitOf(rich: RichContent, means: RichMeans = {}): Misfit | null {
  switch (rich.type) {
    case 'interactive':
      return choicesMisfit(rich.interactive, rich.text, means)
    case 'location':
      return locationMisfit(rich.location, means)
    case 'contacts':
      return cardsMisfit(rich.contacts, means)
    case 'reaction':
      return reactionMisfit(rich.reaction, means)
  }
}

const misfit = (code: Misfit['code'], path: string, message: string): Misfit => ({ code, path, message })

function tooLong(path: string, text: string | undefined, max: number | undefined, unit: TextUnit): Misfit | null {
  if (text === undefined || max === undefined) return null
  const length = lengthOf(text, unit)
  if (length <= max) return null
  const code = path === '/text' ? 'text_too_long' : 'part_too_long'
  return misfit(code, path, `The channel takes at most ${max} ${unitName(unit)} here; these are ${length}.`)
}

function choicesMisfit(interactive: Interactive, text: string, means: RichMeans): Misfit | null {
  const unit = means.unit ?? 'character'
  const { buttons, list } = interactive
  if (list !== undefined) {
    if (!means.list) return misfit('type_not_sendable', '/interactive/list', 'The channel knows no lists.')
    return aroundMisfit(interactive, text, means.list, unit) ?? listMisfit(list, means.list, unit)
  }
  const given = buttons ?? []
  const links = given.filter(isLink).length
  const taken = links > 0 ? means.links : means.replies
  if (!taken) {
    const kind = links > 0 ? 'buttons that open an address' : 'buttons'
    return misfit('type_not_sendable', '/interactive/buttons', `The channel knows no ${kind}.`)
  }
  const other = given.findIndex((button) => !isLink(button))
  if (links > 0 && other !== -1 && !means.links?.mixed)
    return misfit(
      'part_not_sendable',
      `/interactive/buttons/${other}`,
      'Beside a button that opens an address the channel takes none that brings an id back.',
    )
  return aroundMisfit(interactive, text, taken, unit) ?? buttonsMisfit(given, taken, unit)
}

function aroundMisfit(
  { header, footer }: Interactive,
  text: string,
  { textLength, textUnit, headerLength, footerLength }: ButtonMeans | ListMeans,
  unit: TextUnit,
): Misfit | null {
  if (text.trim() === '') return misfit('text_empty', '/text', 'Choices stand under a text.')
  if (header !== undefined && headerLength === undefined)
    return misfit('part_not_sendable', '/interactive/header', 'The channel shows no header here.')
  if (footer !== undefined && footerLength === undefined)
    return misfit('part_not_sendable', '/interactive/footer', 'The channel shows no footer here.')
  return (
    tooLong('/text', text, textLength, textUnit ?? unit) ??
    tooLong('/interactive/header', header, headerLength, unit) ??
    tooLong('/interactive/footer', footer, footerLength, unit)
  )
}

function buttonsMisfit(buttons: readonly Button[], means: ButtonMeans, unit: TextUnit): Misfit | null {
  const path = '/interactive/buttons'
  if (buttons.length > means.max)
    return misfit('too_many_parts', path, `The channel takes at most ${means.max} buttons here.`)
  const ids = new Set<string>()
  const titles = new Set<string>()
  for (const [i, button] of buttons.entries()) {
    const own = isLink(button)
      ? tooLong(`${path}/${i}/url`, button.url, means.urlLength, 'character')
      : tooLong(`${path}/${i}/id`, button.id, means.idLength, means.idUnit ?? unit)
    const found = tooLong(`${path}/${i}/title`, button.title, means.titleLength, unit) ?? own
    if (found) return found
    if (!isLink(button) && ids.has(button.id)) return twice(`${path}/${i}/id`)
    if (means.uniqueTitles && titles.has(button.title)) return twice(`${path}/${i}/title`)
    if (!isLink(button)) ids.add(button.id)
    titles.add(button.title)
  }
  return null
}

const twice = (path: string): Misfit => misfit('duplicate_part', path, 'Another one has the same.')

function listMisfit({ button, sections }: ChoiceList, means: ListMeans, unit: TextUnit): Misfit | null {
  const path = '/interactive/list'
  const opens = tooLong(`${path}/button`, button, means.buttonLength, unit)
  if (opens) return opens
  if (sections.length > means.sectionsMax)
    return misfit('too_many_parts', `${path}/sections`, `The channel takes at most ${means.sectionsMax} sections.`)
  const ids = new Set<string>()
  for (const [i, { title, rows }] of sections.entries()) {
    const at = `${path}/sections/${i}`
    if (title === undefined && means.titledIfSeveral && sections.length > 1)
      return misfit('part_missing', `${at}/title`, 'Each of several sections needs its title here.')
    const titled = tooLong(`${at}/title`, title, means.sectionTitleLength, unit)
    if (titled) return titled
    for (const [j, row] of rows.entries()) {
      const found =
        tooLong(`${at}/rows/${j}/id`, row.id, means.idLength, unit) ??
        tooLong(`${at}/rows/${j}/title`, row.title, means.titleLength, unit) ??
        tooLong(`${at}/rows/${j}/description`, row.description, means.descriptionLength, unit)
      if (found) return found
      if (ids.has(row.id)) return twice(`${at}/rows/${j}/id`)
      ids.add(row.id)
      if (ids.size > means.rowsMax)
        return misfit('too_many_parts', `${at}/rows/${j}`, `The channel takes at most ${means.rowsMax} rows in all.`)
    }
  }
  return null
}

function locationMisfit({ name, address }: SharedLocation, { location, unit = 'character' }: RichMeans): Misfit | null {
  if (!location) return misfit('type_not_sendable', '/type', 'The channel cannot be sent places.')
  return (
    tooLong('/location/name', name, location.nameLength, unit) ??
    tooLong('/location/address', address, location.addressLength, unit)
  )
}

function cardsMisfit(cards: readonly ContactCard[], { contacts: taken }: RichMeans): Misfit | null {
  if (!taken) return misfit('type_not_sendable', '/type', 'The channel cannot be sent contact cards.')
  if (cards.length > taken.max)
    return misfit('too_many_parts', '/contacts', `The channel takes at most ${taken.max} in one message.`)
  for (const [i, card] of cards.entries()) {
    if (taken.needsPhone && card.phones.length === 0)
      return misfit('part_missing', `/contacts/${i}/phones`, 'A card needs a phone number on this channel.')
    const found = tooLong(`/contacts/${i}`, vcardOf(card), taken.vcardBytes, 'byte')
    if (found) return found
  }
  return null
}

function reactionMisfit({ emoji }: Reaction, { reactions }: RichMeans): Misfit | null {
  if (!reactions) return misfit('type_not_sendable', '/type', 'The channel knows no reactions.')
  const { emojis } = reactions
  if (emoji === null || emojis === undefined || emojis.some((one) => bareEmoji(one) === bareEmoji(emoji))) return null
  return misfit('part_not_sendable', '/reaction/emoji', `The channel takes ${emojis.join(' ')}.`)
}
