import t from 'tap'
import { isOnDuty, workingHoursSchema } from '../../../src/resources/members/working-hours.ts'

const hours = workingHoursSchema.parse({
  timezone: 'Europe/Berlin',
  days: {
    mon: [
      { from: '09:00', to: '12:00' },
      { from: '13:00', to: '24:00' },
    ],
    tue: [{ from: '00:00', to: '06:00' }],
  },
})

t.test('somebody is on duty by the clock and the calendar of their own zone', async (t) => {
  const at = (time: string): boolean => isOnDuty(hours, new Date(time))
  // Winter, UTC+1: Monday 23 November 2026.
  t.notOk(at('2026-11-23T07:59:59Z'))
  t.ok(at('2026-11-23T08:00:00Z'))
  t.ok(at('2026-11-23T10:59:59Z'))
  t.notOk(at('2026-11-23T11:00:00Z'), 'until, not including')
  t.ok(at('2026-11-23T22:59:59Z'))
  t.ok(at('2026-11-23T23:00:00Z'), 'Tuesday there')
  t.notOk(at('2026-11-24T05:00:00Z'))
  t.notOk(at('2026-11-25T10:00:00Z'), 'a day that is left out is free')
  // Summer, UTC+2: Monday 6 July 2026.
  t.ok(at('2026-07-06T07:00:00Z'))
  t.notOk(at('2026-07-06T10:30:00Z'))
})
