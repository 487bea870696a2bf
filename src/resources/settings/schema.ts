import { z } from 'zod'
import { time } from '../../access/define.ts'

/** What a tenant sets for all of its own. @param resources the names that grants know */
export function settingsShapes(resources: readonly string[]) {
  const purposeRequiredFor = z
    .array(z.enum(resources))
    .max(resources.length)
    .overwrite((names) => [...new Set(names)].sort())
    .meta({
      description:
        'The resources that nobody sees or touches, alone or included with others, without naming a purpose: by the header X-Purpose, or as their usual one.',
      example: ['contacts'],
    })
  return {
    body: z
      .strictObject({ purposeRequiredFor: purposeRequiredFor.nullable().optional() })
      .meta({ id: 'SettingsPatch', description: 'A change of settings.' }),
    answer: z
      .object({
        purposeRequiredFor,
        version: z.int().meta({ description: 'Counts the changes.', example: 1 }),
        updatedAt: time('When they were last changed.'),
      })
      .meta({ id: 'Settings', description: 'What holds for the whole tenant.' }),
  }
}
