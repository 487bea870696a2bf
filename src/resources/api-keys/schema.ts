import { z } from 'zod'
import { commonFields, defineResource, idOf, time } from '../../access/define.ts'
import { apiKey } from '../../db/tables/access.ts'
import { idList, purpose, revealQuota, text } from '../values.ts'

export const apiKeys = defineResource({
  name: 'api-keys',
  title: 'ApiKey',
  description: 'A key by which another system asks; stored hashed, shown once.',
  table: apiKey,
  tenant: apiKey.tenantId,
  id: apiKey.id,
  state: apiKey.state,
  fields: {
    ...commonFields(apiKey),
    name: {
      column: apiKey.name,
      schema: text(100, 'What the key is for.', 'CRM'),
      write: 'always',
      required: true,
      search: 'text',
    },
    prefix: {
      column: apiKey.prefix,
      schema: z.string().meta({ description: 'The beginning of the key, to recognise it.', example: 'cak_AZn…' }),
      kind: 'choice',
    },
    status: {
      column: apiKey.status,
      kind: 'choice',
      schema: z
        .enum(['active', 'deactivated'])
        .meta({ description: 'A deactivated key is refused at once.', example: 'active' }),
      write: 'always',
      mask: 'hidden',
    },
    roleIds: { column: apiKey.roleIds, schema: idList('The key’s roles.'), write: 'always', required: true },
    teamIds: { column: apiKey.teamIds, schema: idList('The key’s teams.'), write: 'always' },
    businessUnitIds: {
      column: apiKey.businessUnitIds,
      schema: idList('The business units whose data the key sees; left out: the tenant’s first.'),
      write: 'always',
    },
    defaultPurpose: {
      column: apiKey.defaultPurpose,
      schema: purpose('The purpose of the key’s requests, where they name none.', 'crm-sync'),
      write: 'always',
    },
    revealQuota: { column: apiKey.revealQuota, schema: revealQuota('key'), write: 'always' },
    expiresAt: { column: apiKey.expiresAt, schema: time('When the key stops working.'), write: 'always' },
    createdBy: { column: apiKey.createdBy, schema: idOf('The member who made it.') },
  },
})
apiKeys.createBody = apiKeys.createBody
  .omit({ status: true })
  .strict()
  .meta({ id: 'ApiKeyCreate', description: 'What a new API key is made of.' })
