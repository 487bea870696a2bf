import { z } from 'zod'
import { originList } from '../origins.ts'
import { isCountry } from './country.ts'

/** What a form's field can become, beside `customFields.<key>`. */
export const formTargets = [
  'displayName',
  'givenName',
  'familyName',
  'email',
  'phone',
  'company',
  'jobTitle',
  'country',
  'language',
  'timezone',
  'intent',
  'consent.marketing',
  'ignore',
] as const

export type FormTarget = (typeof formTargets)[number] | `customFields.${string}`

const customTarget = /^customFields\.[A-Za-z][\w-]{0,99}$/

export const isFormTarget = (text: string): text is FormTarget =>
  formTargets.some((one) => one === text) || customTarget.test(text)

export const formSettings = z
  .strictObject({
    kind: z
      .enum(['html', 'typeform', 'tally', 'jotform'])
      .meta({ description: 'Who makes the form: your own page (html) or a provider.', example: 'html' }),
    /** html: what `_t` is signed with; typeform, tally: what posts are signed with; jotform: a part of the address */
    signingSecret: z.string().min(8).max(500).optional().meta({
      description:
        'typeform, tally: the secret that posts are signed with. jotform: what stands in the address as ?secret=. html: the key of `_t`. Without it, posts are taken unsigned. Never comes out again.',
      example: 'a-long-random-secret',
    }),
    allowedOrigins: originList.optional().meta({
      description: 'Pages that may post here from a browser and be returned to; posts from others count as spam.',
      example: ['https://www.example.com'],
    }),
    fieldMap: z
      .record(
        z.string().min(1).max(300),
        z
          .string()
          .max(120)
          .refine(isFormTarget, `must be one of ${formTargets.join(', ')} or customFields.<key>`),
      )
      .optional()
      .meta({
        description:
          'What the form’s fields (by id, ref, name or label) become: displayName, givenName, familyName, email, phone, company, jobTitle, country, language, timezone, intent, customFields.<key>, consent.marketing (ticked: agreed to), ignore. Fields left out are recognised by their type and name.',
        example: { 'your-email': 'email', budget: 'customFields.budget', newsletter: 'consent.marketing' },
      }),
    defaultCountry: z.string().refine(isCountry, 'must be an ISO 3166-1 alpha-2 code').optional().meta({
      description: 'The country of phone numbers that are given without one.',
      example: 'DE',
      pattern: '^[A-Z]{2}$',
    }),
    redirectUrl: z
      .url({ protocol: /^https?$/ })
      .max(2_000)
      .optional()
      .meta({
        description: 'html: where a browser goes after posting; on an allowed origin only.',
        example: 'https://www.example.com/thanks',
        pattern: '^https?://',
      }),
    honeypot: z.string().min(1).max(100).optional().meta({
      description: 'html: a field that people do not see; filled in, the post is spam. `_gotcha` unless given.',
      example: 'website_url',
    }),
    fillSecondsMin: z.number().min(0).max(3_600).optional().meta({
      description: 'html: a form that is filled in faster than this is spam, where `_t` tells. 2 unless given.',
      example: 2,
    }),
    linksMax: z
      .int()
      .min(0)
      .max(1_000)
      .optional()
      .meta({ description: 'html: with more links in it, a post is spam. 5 unless given.', example: 5 }),
  })
  .meta({ id: 'FormSettings', description: 'The settings of a form.' })

export type FormSettings = z.infer<typeof formSettings>
