import { z } from 'zod'
import { email, phone } from '../values.ts'

/**
 * What can be sent beside words, files and templates, in one form for all channels. The limits here are those of the
 * form; how much of it a channel takes differs, and is said by the refusal.
 */

const storable = (value: string): boolean => value.isWellFormed()

/** Words on one line: no control characters, no space around them. */
const label = (max: number, description: string, example: string) =>
  z
    .string()
    .max(max)
    .regex(/^[^\s\p{Cc}](?:[^\p{Cc}]*[^\s\p{Cc}])?$/u, 'Words on one line, without space around them.')
    .refine(storable, 'Text holds half of a surrogate pair.')
    .meta({ description, example })

const choiceId = label(1_000, 'What comes back when it is chosen, as the `id` or `payload` of that message.', 'size-m')
const title = label(80, 'The words on it.', 'Size M')

const button = z
  .union([
    z.strictObject({ id: choiceId, title }),
    z.strictObject({
      title,
      url: z
        .url({ protocol: /^https?$/ })
        .max(2_000)
        .regex(/^[^\s\p{Cc}]+$/u)
        .refine(storable)
        .meta({ description: 'What it opens.', example: 'https://shop.example.com/42', pattern: '^https?://' }),
    }),
  ])
  .meta({ id: 'MessageButton', description: 'A button that brings its id back, or opens an address.' })

const list = z
  .strictObject({
    button: label(80, 'The words on what opens the list.', 'Choose a size'),
    sections: z
      .array(
        z.strictObject({
          title: label(80, 'The words above its rows.', 'Shirts').optional(),
          rows: z
            .array(
              z.strictObject({
                id: choiceId,
                title,
                description: label(300, 'What is said of it.', 'Fits up to 180 cm').optional(),
              }),
            )
            .min(1)
            .max(50)
            .meta({ description: 'What can be chosen.' }),
        }),
      )
      .min(1)
      .max(20)
      .meta({ description: 'The parts of the list.' }),
  })
  .meta({ id: 'MessageList', description: 'A list to choose one row of.' })

const header = label(200, 'Words above the text.', 'Your order').optional()
const footer = label(200, 'Small words below it.', 'You can change this later.').optional()

export const interactive = z
  .union([
    z.strictObject({
      header,
      footer,
      buttons: z.array(button).min(1).max(20).meta({ description: 'Buttons below the text.' }),
    }),
    z.strictObject({ header, footer, list }),
  ])
  .meta({
    id: 'MessageInteractive',
    description: 'Choices under the text: buttons or one list.',
    example: {
      buttons: [
        { id: 'size-m', title: 'Size M' },
        { id: 'size-l', title: 'Size L' },
      ],
    },
  })

export const location = z
  .strictObject({
    latitude: z.number().min(-90).max(90).meta({ description: 'Degrees north, WGS 84.', example: 52.520008 }),
    longitude: z.number().min(-180).max(180).meta({ description: 'Degrees east, WGS 84.', example: 13.404954 }),
    name: label(200, 'What is there.', 'Our shop').optional(),
    address: label(300, 'Its address.', 'Alexanderplatz 1, Berlin').optional(),
  })
  .meta({ id: 'MessageLocation', description: 'A place.' })

/** One emoji, as people see it: with its skin, its flag, its joined parts. */
const isEmoji = (value: string): boolean =>
  /\p{Extended_Pictographic}|\p{Regional_Indicator}|\u20e3/u.test(value) &&
  [...new Intl.Segmenter('en', { granularity: 'grapheme' }).segment(value)].length === 1

export const reaction = z
  .strictObject({
    emoji: z
      .string()
      .max(64)
      .refine(isEmoji, 'One emoji.')
      .nullable()
      .meta({ description: 'With what; it takes the place of the one before. null takes that back.', example: '👍' }),
  })
  .meta({ id: 'MessageReaction', description: 'A reaction to the message that `replyToId` names.' })

export const contactCards = z
  .array(
    z
      .strictObject({
        name: label(200, 'Their whole name.', 'Jo Berg'),
        phones: z
          .array(phone('A phone number.'))
          .max(10)
          .optional()
          .meta({ description: 'Their phone numbers.', example: ['+4917012345678'] }),
        emails: z.array(email('An email address.')).max(10).optional().meta({ description: 'Their email addresses.' }),
        company: label(200, 'Whom they work for.', 'Outdoor GmbH').optional(),
      })
      .meta({ id: 'MessageContactCard', description: 'A contact card.' }),
  )
  .min(1)
  .max(20)
  .meta({ description: 'Contact cards.' })
