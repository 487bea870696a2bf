import { z } from 'zod'
import { channelTypes } from '../../channels/index.ts'

/**
 * What a channel looks like in the document: one alternative per type that this release speaks. What is sent is checked
 * by the type's own settings when the type is known.
 */

const settingsOf = channelTypes.map(({ type, settings, secrets }) => {
  if (!(settings instanceof z.ZodObject)) throw new Error(`the settings of ${type} are no object`)
  return { type, settings: settings as z.ZodObject, secrets, patch: patchOf(settings) }
})

/** Settings to change: those left out stay, null removes one that need not be there. */
function patchOf({ shape }: z.ZodObject): z.ZodObject {
  const members = Object.entries(shape).map(([name, one]: [string, z.ZodType]) => [
    name,
    one.safeParse(undefined).success ? one.nullish().meta({ description: one.description }) : one.optional(),
  ])
  return z.strictObject(Object.fromEntries(members))
}

/** Whether settings that do not fit a channel would fit one of another type. */
export const fitsAnother = (typeName: string, given: unknown): boolean =>
  settingsOf.some(({ type, patch }) => type !== typeName && patch.safeParse(given).success)

const oneOf = (options: readonly z.ZodType[]): z.ZodType => z.union(options as [z.ZodType, ...z.ZodType[]])

/** The body that makes a channel: its settings go with its type. */
export const documentedCreate = ({ shape }: z.ZodObject): z.ZodType =>
  oneOf(
    settingsOf.map(({ type, settings }) =>
      z.strictObject({
        ...shape,
        type: z.literal(type).meta({ description: 'What is connected; set once.', example: type }),
        settings,
      }),
    ),
  ).meta({ id: 'ChannelCreate', description: 'What a new channel is made of.' })

/** The body that changes a channel: its settings are patched, null removes one. */
export const documentedPatch = ({ shape }: z.ZodObject): z.ZodType =>
  z
    .strictObject({
      ...shape,
      settings: oneOf(settingsOf.map(({ patch }) => patch))
        .optional()
        .meta({ description: 'The settings to change; those left out stay, null removes one.' }),
    })
    .meta({ id: 'ChannelPatch', description: 'A JSON merge patch (RFC 7396) of a channel: null removes a value.' })

/** Settings as they are answered: without the secrets, also those below another member ("smtp.password"). */
export const shownSettings: z.ZodType = oneOf(
  settingsOf.map(({ settings, secrets }) =>
    withoutAll(
      settings,
      secrets.map((name) => name.split('.')),
    ).partial(),
  ),
)

function withoutAll({ shape }: z.ZodObject, paths: readonly (readonly string[])[]): z.ZodObject {
  return z.object(
    Object.fromEntries(
      Object.entries(shape).flatMap(([name, one]: [string, z.ZodType]) => {
        const below = paths.filter(([first]) => first === name).map(([, ...rest]) => rest)
        return below.some((rest) => rest.length === 0)
          ? []
          : [[name, below.length === 0 ? one : shownMember(one, below)]]
      }),
    ),
  )
}

function shownMember(member: z.ZodType, paths: readonly (readonly string[])[]): z.ZodType {
  const { description } = member
  const about = description === undefined ? {} : { description }
  if (member instanceof z.ZodOptional) return shownMember(member.unwrap() as z.ZodType, paths).optional()
  if (member instanceof z.ZodObject) return withoutAll(member, paths).meta(about)
  if (!(member instanceof z.ZodDiscriminatedUnion)) return member
  return oneOf(member.options.map((one) => shownMember(one as z.ZodType, paths))).meta(about)
}
