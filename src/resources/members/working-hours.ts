import { z } from 'zod'
import { timezone } from '../values.ts'

const days = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const

const clock = (description: string, example: string) =>
  z
    .string()
    .regex(/^(?:[01]\d|2[0-3]):[0-5]\d$|^24:00$/, 'A time of day is written 09:00; the end of a day is 24:00')
    .meta({ description, example })

const hours = z
  .array(
    z
      .strictObject({ from: clock('When work begins.', '09:00'), to: clock('When it ends.', '17:30') })
      .refine(({ from, to }) => from < to, 'Work ends after it has begun; a night belongs to two days.'),
  )
  .max(6)

const ofDay = (day: (typeof days)[number]) =>
  hours.optional().meta({ description: `The hours of ${day}.`, example: [{ from: '09:00', to: '17:30' }] })

/** When a member works: a time zone, and for each day of the week the hours; a day that is left out is free. */
export const workingHoursSchema = z
  .strictObject({
    timezone: timezone('The time zone that the hours are in.'),
    days: z
      .strictObject(
        Object.fromEntries(days.map((day) => [day, ofDay(day)])) as Record<
          (typeof days)[number],
          z.ZodOptional<typeof hours>
        >,
      )
      .meta({
        description: 'The hours of each day; a day that is left out is free.',
        example: { mon: [{ from: '09:00', to: '17:30' }] },
      }),
  })
  .meta({
    id: 'WorkingHours',
    description: 'When a member works.',
    example: { timezone: 'Europe/Berlin', days: { mon: [{ from: '09:00', to: '17:30' }] } },
  })

export type WorkingHours = z.infer<typeof workingHoursSchema>

const clocks = new Map<string, Intl.DateTimeFormat>()

function clockOf(zone: string): Intl.DateTimeFormat {
  const known = clocks.get(zone)
  if (known) return known
  const made = new Intl.DateTimeFormat('en-GB', {
    timeZone: zone,
    weekday: 'short',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  })
  if (clocks.size < 1_000) clocks.set(zone, made)
  return made
}

/** Whether somebody with these hours works at this moment; summer time and the like as the zone has them. */
export function isOnDuty({ timezone: zone, days: week }: WorkingHours, at: Date): boolean {
  const parts = new Map(
    clockOf(zone)
      .formatToParts(at)
      .map(({ type, value }) => [type, value]),
  )
  const day = days.find((one) => one === parts.get('weekday')?.slice(0, 3).toLowerCase())
  const now = `${parts.get('hour')}:${parts.get('minute')}`
  return day !== undefined && (week[day] ?? []).some(({ from, to }) => from <= now && now < to)
}
