import t from 'tap'
import { statusChange } from '../../../src/resources/conversations/status.ts'

const now = new Date('2026-11-22T12:00:00Z')
const open = { status: 'open', snoozedUntil: null, waitingSince: '2026-11-22T11:00:00Z', unreadCount: 2 }
const asleep = { status: 'snoozed', snoozedUntil: '2026-11-23T09:00:00+00:00', waitingSince: null }
const change = (before: Record<string, unknown>, body: Record<string, unknown>) =>
  statusChange(before, { ...before, ...body }, body, now)
const codes = (before: Record<string, unknown>, body: Record<string, unknown>) =>
  change(before, body).faults.map(({ path, code }) => `${path} ${code}`)

t.test('a conversation is only snoozed until a moment that lies ahead', async (t) => {
  t.same(codes(open, { status: 'snoozed' }), ['/snoozedUntil required'])
  t.same(codes(open, { status: 'snoozed', snoozedUntil: '2026-11-22T11:59:59Z' }), ['/snoozedUntil not_in_future'])
  t.same(codes(open, { snoozedUntil: '2026-11-23T00:00:00Z' }), ['/snoozedUntil not_snoozed'])
  t.same(codes(asleep, { snoozedUntil: null }), ['/snoozedUntil required'])
  t.same(codes(open, { status: 'snoozed', snoozedUntil: '2026-11-22T12:00:01Z' }), [])
})

t.test('whatever ends the sleep clears its end', async (t) => {
  for (const status of ['open', 'pending', 'closed'])
    t.match(change(asleep, { status }).columns, { snoozed_until: null }, status)
  t.same(change(open, { status: 'pending' }).columns, {})
})

t.test('a later moment moves the waking', async (t) => {
  const { wakeAt } = change(asleep, { snoozedUntil: '2026-11-24T09:00:00Z' })
  t.equal(wakeAt?.toISOString(), '2026-11-24T09:00:00.000Z')
  t.equal(change(open, { subject: 'x' }).wakeAt, null)
})

t.test('closing ends the waiting', async (t) => {
  t.same(change(open, { status: 'closed' }).columns, { waiting_since: null, unread_count: 0 })
  t.same(change({ ...open, unreadCount: 0 }, { status: 'closed' }).columns, { waiting_since: null })
  t.same(change(open, { subject: 'x' }).columns, {})
})
