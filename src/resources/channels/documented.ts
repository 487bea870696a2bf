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

/** Settings as they are answered: without the secrets. */
export const shownSettings: z.ZodType = oneOf(
  settingsOf.map(({ settings, secrets }) =>
    z.object(Object.fromEntries(Object.entries(settings.shape).filter(([name]) => !secrets.includes(name)))).partial(),
  ),
)
