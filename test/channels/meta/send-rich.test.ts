import t from 'tap'
import type { OutboundMessage } from '../../../src/channels/channel.ts'
import { instagram } from '../../../src/channels/instagram/index.ts'
import { messenger } from '../../../src/channels/messenger/index.ts'
import type { RichContent } from '../../../src/channels/rich/content.ts'
import { instagramSettings, PSID, settings } from '../messenger/fixtures.ts'
import { card, cards, list, located, mixed, reacting, replies } from '../rich/fixtures.ts'
import { file, graphDouble, id } from './provider.ts'

const answer = () => ({ status: 200, body: { recipient_id: PSID, message_id: 'm_out' } })
const doubles = {
  messenger: await graphDouble(t, messenger, settings, answer),
  instagram: await graphDouble(t, instagram, instagramSettings, answer),
}

for (const kind of ['messenger', 'instagram'] as const) {
  const { server, send } = doubles[kind]
  const outbound = (content: RichContent, more: Partial<OutboundMessage> = {}): OutboundMessage => ({
    id,
    recipient: { identities: [{ kind, value: PSID, verified: true }] },
    content,
    files: [],
    ...more,
  })
  const own = kind === 'messenger' ? { metadata: id } : {}

  t.test(`${kind}: buttons go as quick replies, with an address among them as a template`, async (t) => {
    t.match(await send(outbound(replies)), { outcome: 'sent', externalId: 'm_out' })
    t.strictSame(JSON.parse(server.seen.at(-1)?.body ?? ''), {
      recipient: { id: PSID },
      messaging_type: 'RESPONSE',
      message: {
        text: 'Which size?',
        quick_replies: [
          { content_type: 'text', title: 'Size M', payload: 'size-m' },
          { content_type: 'text', title: 'Size L', payload: 'size-l' },
        ],
        ...own,
      },
    })
    t.match(await send(outbound(mixed, { isHumanAgent: true })), { outcome: 'sent' })
    t.strictSame(JSON.parse(server.seen.at(-1)?.body ?? ''), {
      recipient: { id: PSID },
      messaging_type: 'MESSAGE_TAG',
      tag: 'HUMAN_AGENT',
      message: {
        attachment: {
          type: 'template',
          payload: {
            template_type: 'button',
            text: 'Which size?',
            buttons: [
              { type: 'web_url', url: 'https://shop.example.com/42', title: 'Shop' },
              { type: 'postback', title: 'Later', payload: 'later' },
            ],
          },
        },
        ...own,
      },
    })
  })

  t.test(`${kind}: a reaction is an action, known by our own id`, async (t) => {
    const to = { replyTo: 'm_in', isHumanAgent: true }
    t.strictSame(await send(outbound(reacting('❤️'), to)), { outcome: 'sent', externalId: id, recipientIds: [] })
    t.strictSame(JSON.parse(server.seen.at(-1)?.body ?? ''), {
      recipient: { id: PSID },
      sender_action: 'react',
      payload: { message_id: 'm_in', reaction: kind === 'messenger' ? '❤️' : 'love' },
    })
    await send(outbound(reacting(null), to))
    t.strictSame(JSON.parse(server.seen.at(-1)?.body ?? ''), {
      recipient: { id: PSID },
      sender_action: 'unreact',
      payload: { message_id: 'm_in' },
    })
  })

  t.test(`${kind}: what it has no form for never leaves`, async (t) => {
    const asked = server.seen.length
    for (const content of [list, located(), cards(card)])
      t.match(await send(outbound(content)), { outcome: 'failed', code: 'type_not_supported', class: 'permanent' })
    const both = outbound(replies, { files: [file('image', 'image/png')] })
    t.match(await send(both), { outcome: 'failed', code: 'file_not_supported' })
    t.equal(server.seen.length, asked)
  })
}
