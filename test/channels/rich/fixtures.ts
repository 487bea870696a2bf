import type { Button, ContactCard, RichContent, SharedLocation } from '../../../src/channels/rich/content.ts'

/** What a shop asks and tells its customers. */
export const choices = (buttons: Button[], more: { header?: string; footer?: string } = {}): RichContent => ({
  type: 'interactive',
  text: 'Which size?',
  interactive: { ...more, buttons },
})
export const replies = choices([
  { id: 'size-m', title: 'Size M' },
  { id: 'size-l', title: 'Size L' },
])
export const link = choices([{ title: 'Shop', url: 'https://shop.example.com/42' }])
export const mixed = choices([
  { title: 'Shop', url: 'https://shop.example.com/42' },
  { id: 'later', title: 'Later' },
])
export const list: RichContent = {
  type: 'interactive',
  text: 'Which size?',
  interactive: {
    header: 'Shirts',
    footer: 'All in cotton',
    list: {
      button: 'Sizes',
      sections: [{ title: 'Shirts', rows: [{ id: 'm', title: 'M', description: 'to 180 cm' }] }],
    },
  },
}
export const located = (more: Partial<SharedLocation> = {}): RichContent => ({
  type: 'location',
  text: '[location] here',
  location: { latitude: 52.5, longitude: 13.4, ...more },
})
export const shop = { name: 'Our shop', address: 'Alexanderplatz 1' }
export const card: ContactCard = {
  name: 'Jo Berg',
  phones: ['+4917012345678'],
  emails: ['jo@example.com'],
  company: 'Outdoor; GmbH',
}
export const reacting = (emoji: string | null): RichContent => ({
  type: 'reaction',
  text: emoji ?? '-',
  reaction: { emoji },
})
export const cards = (...contacts: ContactCard[]): RichContent => ({
  type: 'contacts',
  text: '[contacts] Jo',
  contacts,
})
