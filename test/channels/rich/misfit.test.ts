import t from 'tap'
import { channelType } from '../../../src/channels/index.ts'
import type { Button, RichContent } from '../../../src/channels/rich/content.ts'
import { misfitOf } from '../../../src/channels/rich/misfit.ts'
import { card, cards, choices, link, list, located, mixed, reacting, replies, shop } from './fixtures.ts'

/** Why a channel does not take it, as "code path"; "fits". */
const on = (channel: string) => (rich: RichContent) => {
  const found = misfitOf(rich, channelType(channel)?.sends.rich)
  return found ? `${found.code} ${found.path}` : 'fits'
}
const some = (count: number, more: (i: number) => Partial<{ id: string; title: string }> = () => ({})): RichContent =>
  choices(Array.from({ length: count }, (_, i): Button => ({ id: `id-${i}`, title: `T${i}`, ...more(i) })))
const first = (more: Partial<{ id: string; title: string }>) => some(1, () => more)
const saying = (rich: RichContent, text: string): RichContent => ({ ...rich, text })
const opening = (count: number, length = 20): RichContent =>
  choices(
    Array.from({ length: count }, (_, i): Button => ({ title: `${i}`, url: 'https://a.example/'.padEnd(length, 'x') })),
  )
const rows = (count: number, more: Record<string, string> = {}, sections = 1): RichContent => ({
  type: 'interactive',
  text: 'Which?',
  interactive: {
    list: {
      button: 'Open',
      sections: Array.from({ length: sections }, (_, s) => ({
        title: 'S',
        rows: Array.from({ length: count / sections }, (_row, i) => ({ id: `${s}-${i}`, title: 'T', ...more })),
      })),
    },
  },
})

t.test('WhatsApp: 3 buttons of 20 characters, or one address, or a list of 10 rows', async (t) => {
  const fit = on('whatsapp')
  for (const rich of [replies, link, list, located(), located(shop), cards(card), cards(card, card), some(3)])
    t.equal(fit(rich), 'fits')
  t.equal(fit(some(4)), 'too_many_parts /interactive/buttons')
  t.equal(fit(first({ title: '😀'.repeat(20) })), 'fits', 'characters, not UTF-16 units')
  t.equal(fit(first({ title: 'x'.repeat(21) })), 'part_too_long /interactive/buttons/0/title')
  t.equal(fit(first({ id: 'x'.repeat(256) })), 'fits')
  t.equal(fit(first({ id: 'x'.repeat(257) })), 'part_too_long /interactive/buttons/0/id')
  t.equal(fit(some(2, () => ({ id: 'same' }))), 'duplicate_part /interactive/buttons/1/id')
  t.equal(fit(some(2, () => ({ title: 'same' }))), 'duplicate_part /interactive/buttons/1/title')
  t.equal(fit(mixed), 'part_not_sendable /interactive/buttons/1')
  t.equal(fit(opening(2)), 'too_many_parts /interactive/buttons')
  t.equal(fit(saying(replies, 'x'.repeat(1024))), 'fits')
  t.equal(fit(saying(replies, 'x'.repeat(1025))), 'text_too_long /text')
  t.equal(fit(saying(replies, ' ')), 'text_empty /text')
  t.equal(fit(saying(list, 'x'.repeat(4096))), 'fits')
  t.equal(fit(choices([{ id: 'a', title: 'A' }], { header: 'x'.repeat(61) })), 'part_too_long /interactive/header')
  t.equal(fit(choices([{ id: 'a', title: 'A' }], { footer: 'x'.repeat(61) })), 'part_too_long /interactive/footer')
  const at = '/interactive/list/sections'
  t.equal(fit(rows(10)), 'fits')
  t.equal(fit(rows(10, {}, 5)), 'fits')
  t.equal(fit(rows(11)), `too_many_parts ${at}/0/rows/10`)
  t.equal(fit(rows(12, {}, 2)), `too_many_parts ${at}/1/rows/4`)
  t.equal(fit(rows(11, {}, 11)), `too_many_parts ${at}`)
  t.equal(fit(rows(1, { title: 'x'.repeat(24), description: 'x'.repeat(72), id: 'x'.repeat(200) })), 'fits')
  t.equal(fit(rows(1, { title: 'x'.repeat(25) })), `part_too_long ${at}/0/rows/0/title`)
  t.equal(fit(rows(1, { description: 'x'.repeat(73) })), `part_too_long ${at}/0/rows/0/description`)
  t.equal(fit(rows(1, { id: 'x'.repeat(201) })), `part_too_long ${at}/0/rows/0/id`)
  t.equal(fit(rows(2, { id: 'same' })), `duplicate_part ${at}/0/rows/1/id`)
})

t.test('several sections of a WhatsApp list need their titles', async (t) => {
  const part = (title?: string) => ({ ...(title ? { title } : {}), rows: [{ id: title ?? 'x', title: 'T' }] })
  const of = (...sections: ReturnType<typeof part>[]): RichContent => ({
    type: 'interactive',
    text: 'Which?',
    interactive: { list: { button: 'Open', sections } },
  })
  t.equal(on('whatsapp')(of(part())), 'fits')
  t.equal(on('whatsapp')(of(part('A'), part())), 'part_missing /interactive/list/sections/1/title')
  t.equal(on('connector')(of(part('A'), part())), 'fits')
})

t.test('Messenger and Instagram: 13 quick replies, or a template of 3 with an address among them', async (t) => {
  for (const channel of ['messenger', 'instagram']) {
    const fit = on(channel)
    for (const rich of [replies, link, mixed, some(13), opening(3)]) t.equal(fit(rich), 'fits', channel)
    t.equal(fit(some(14)), 'too_many_parts /interactive/buttons')
    t.equal(fit(opening(4)), 'too_many_parts /interactive/buttons')
    t.equal(fit(first({ title: 'x'.repeat(21) })), 'part_too_long /interactive/buttons/0/title')
    t.equal(fit(saying(link, 'x'.repeat(640))), 'fits')
    t.equal(fit(saying(link, 'x'.repeat(641))), 'text_too_long /text')
    t.equal(fit(list), 'type_not_sendable /interactive/list')
    t.equal(fit(located()), 'type_not_sendable /type')
    t.equal(fit(cards(card)), 'type_not_sendable /type')
    t.equal(fit(choices([{ id: 'a', title: 'A' }], { header: 'H' })), 'part_not_sendable /interactive/header')
  }
  t.equal(on('messenger')(saying(replies, 'ü'.repeat(2000))), 'fits')
  t.equal(on('instagram')(saying(replies, 'ü'.repeat(500))), 'fits')
  t.equal(on('instagram')(saying(replies, 'ü'.repeat(501))), 'text_too_long /text', 'bytes')
})

t.test('LINE: 13 quick replies or a template of 4, and places, counted in UTF-16 units', async (t) => {
  const fit = on('line')
  for (const rich of [replies, link, mixed, some(13), opening(4), located(), located(shop)]) t.equal(fit(rich), 'fits')
  t.equal(fit(some(14)), 'too_many_parts /interactive/buttons')
  t.equal(fit(opening(5)), 'too_many_parts /interactive/buttons')
  t.equal(fit(first({ title: '😀'.repeat(10) })), 'fits')
  t.equal(fit(first({ title: '😀'.repeat(11) })), 'part_too_long /interactive/buttons/0/title')
  t.equal(fit(first({ id: 'x'.repeat(301) })), 'part_too_long /interactive/buttons/0/id')
  t.equal(fit(opening(1, 1001)), 'part_too_long /interactive/buttons/0/url')
  t.equal(fit(saying(link, 'x'.repeat(161))), 'text_too_long /text')
  t.equal(fit(located({ name: 'x'.repeat(101) })), 'part_too_long /location/name')
  t.equal(fit(located({ address: 'x'.repeat(101) })), 'part_too_long /location/address')
  t.equal(fit(cards(card)), 'type_not_sendable /type')
})

t.test('Telegram: ids of 64 bytes, places, one card with a number', async (t) => {
  const fit = on('telegram')
  for (const rich of [replies, link, mixed, some(20), located(), located(shop), cards(card)]) t.equal(fit(rich), 'fits')
  t.equal(fit(first({ id: 'ü'.repeat(32) })), 'fits')
  t.equal(fit(first({ id: 'ü'.repeat(33) })), 'part_too_long /interactive/buttons/0/id')
  t.equal(fit(cards(card, card)), 'too_many_parts /contacts')
  t.equal(fit(cards({ ...card, phones: [] })), 'part_missing /contacts/0/phones')
  t.equal(fit(cards({ ...card, company: 'ü'.repeat(1024) })), 'part_too_long /contacts/0')
  t.equal(fit(list), 'type_not_sendable /interactive/list')
})

t.test('reactions: any emoji, a heart, Telegram’s own, or none', async (t) => {
  for (const channel of ['whatsapp', 'messenger', 'webchat', 'connector'])
    for (const emoji of ['👍', '🦕', null]) t.equal(on(channel)(reacting(emoji)), 'fits', channel)
  for (const emoji of ['❤️', '❤', null]) t.equal(on('instagram')(reacting(emoji)), 'fits')
  t.equal(on('instagram')(reacting('👍')), 'part_not_sendable /reaction/emoji')
  for (const emoji of ['👍', '❤️', '❤️‍🔥', '🤷‍♀️', null]) t.equal(on('telegram')(reacting(emoji)), 'fits')
  t.equal(on('telegram')(reacting('🦕')), 'part_not_sendable /reaction/emoji')
  for (const channel of ['line', 'email', 'form']) t.equal(on(channel)(reacting('👍')), 'type_not_sendable /type')
})

t.test('a webchat and a connector take all of it, mail and forms none', async (t) => {
  const all = [replies, link, mixed, list, located(shop), cards(card, card), some(20), rows(50)]
  for (const rich of all) {
    for (const channel of ['webchat', 'connector']) t.equal(on(channel)(rich), 'fits', channel)
    for (const channel of ['email', 'form']) t.match(on(channel)(rich), /^type_not_sendable /, channel)
  }
})
