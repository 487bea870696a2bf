import t from 'tap'
import { ownMessageId, tokenAddress, tokenOf } from '../../../src/channels/email/token.ts'
import { mail, mailbox, message } from './fixtures.ts'

const id = '0199aaaa-bbbb-7ccc-8ddd-000011112222'

t.test('the word in our address comes first, then In-Reply-To, then References from the newest', async (t) => {
  const found = await message(
    mail({
      To: `Support <${tokenAddress(mailbox, 'reply', id)}>`,
      'In-Reply-To': '<b@x>',
      References: '<root@x> <a@x>\r\n <b@x>',
    }),
  )
  t.strictSame(found.references, [ownMessageId(id, mailbox), 'b@x', 'a@x', 'root@x'])
  t.equal(found.replyTo, ownMessageId(id, mailbox))
  const delivered = await message(mail({ 'Delivered-To': tokenAddress(mailbox, 'reply', id) }))
  t.strictSame(delivered.references, [ownMessageId(id, mailbox)], 'also where only the envelope had it')
})

t.test('mails of one thread meet in whatever order they come; a subject brings nobody together', async (t) => {
  const first = await message(mail({ 'Message-ID': '<root@x>' }))
  const second = await message(mail({ 'In-Reply-To': '<root@x>', References: '<root@x>' }))
  const third = await message(mail({ 'In-Reply-To': '<lost@x>', References: '<root@x> <lost@x>' }))
  t.equal(second.thread?.id, first.thread?.id)
  t.equal(third.thread?.id, first.thread?.id)
  const sameSubject = await message(mail({ Subject: 'Re: A question' }))
  t.not(sameSubject.thread?.id, first.thread?.id)
  t.strictSame(sameSubject.references, [])
})

t.test('only our own addresses carry our words', async (t) => {
  const address = tokenAddress(mailbox, 'unsubscribe', id)
  t.strictSame(tokenOf(address.toUpperCase(), mailbox), { purpose: 'unsubscribe', messageId: id })
  for (const other of [
    mailbox,
    'support+m-1@example.com',
    address.replace('example.com', 'example.net'),
    `x${address}`,
  ])
    t.equal(tokenOf(other, mailbox), undefined, other)
})

t.test('a mail never refers to itself', async (t) => {
  const found = await message(mail({ 'Message-ID': '<a@x>', 'In-Reply-To': '<a@x>', References: '<a@x>' }))
  t.strictSame(found.references, [])
  t.equal(found.replyTo, undefined)
})
