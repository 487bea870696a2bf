import { z } from 'zod'
import { commonFields, defineResource, idOf, time } from '../../access/define.ts'
import { sql } from '../../db/sql.ts'
import { identity } from '../../db/tables/contact.ts'
import { described } from '../../http/schema.ts'
import { contacts } from '../contacts/schema.ts'
import { email, phone, text, word } from '../values.ts'
import { exactAddress } from './match.ts'

export const identities = defineResource({
  name: 'identities',
  title: 'Identity',
  description: 'One address of a contact, verified by a channel or only claimed.',
  table: identity,
  tenant: identity.tenantId,
  id: identity.id,
  unit: identity.businessUnitId,
  subject: sql`${identity.contactId}`,
  state: identity.state,
  within: { model: contacts, id: identity.contactId },
  fields: {
    ...commonFields(identity),
    contactId: { column: identity.contactId, schema: idOf('Whose address it is.') },
    businessUnitId: { column: identity.businessUnitId, schema: idOf('The business unit that knows it.') },
    kind: {
      column: identity.kind,
      kind: 'choice',
      schema: word('What kind of address: phone, email, whatsapp, whatsapp_bsuid, connector, …', 'phone'),
      write: 'create',
      required: true,
      mask: 'hidden',
    },
    value: {
      column: identity.value,
      schema: text(300, 'The address.', '+4917012345678'),
      write: 'create',
      required: true,
      mask: 'phone',
      veil: (value) => sql`app.mask_address(${identity.kind}, ${value})`,
      exact: exactAddress,
    },
    displayName: {
      column: identity.displayName,
      schema: text(200, 'The name that the channel gave.', 'Anna'),
      mask: 'name',
    },
    channelId: {
      column: identity.channelId,
      schema: idOf('The channel within which the address means something; null for phones and emails.'),
    },
    verified: {
      column: identity.verified,
      schema: z.boolean().meta({ description: 'Whether a channel has proved it.', example: false }),
    },
    isPrimary: {
      column: identity.isPrimary,
      schema: z.boolean().meta({ description: 'Whether it is the contact’s email or phone.', example: true }),
    },
    source: {
      column: identity.source,
      kind: 'choice',
      schema: z.string().meta({ description: 'Who said so: provided, or a channel’s type.', example: 'whatsapp' }),
      mask: 'hidden',
    },
    identifying: {
      column: identity.identifying,
      schema: z.boolean().meta({
        description:
          'Whether the address tells who somebody is. `false` for one that several people share (info@, a family’s phone): in the whole business unit it then links nobody to a contact by itself, and suggests no merge. What comes from it alone still goes to the contact that holds it.',
        example: true,
      }),
      write: 'always',
      mask: 'hidden',
    },
    undeliverable: {
      derived: true,
      value: sql`(${identity.undeliverableAt} IS NOT NULL)`,
      kind: 'boolean',
      nullable: false,
      schema: z.boolean().meta({
        description:
          'Its provider does not take messages for it; nothing is sent there until somebody writes from it again.',
        example: false,
      }),
    },
    lastSeenAt: { column: identity.lastSeenAt, schema: time('When it was last heard from.'), derived: true },
  },
})
// By hand only what means the same everywhere; a provider's own ids come from its channel.

/** The value of a claimed address in the form in which it is kept, by kind. */
export const claimedValue = { phone: phone('A phone number.'), email: email('An email address.') }

const kind = z.enum(['phone', 'email']).meta({ description: 'What kind of address.', example: 'phone' })
identities.createBody = described(
  () =>
    z
      .union([
        z.strictObject({ kind: z.literal('phone').meta({ description: 'A phone.' }), value: claimedValue.phone }),
        z.strictObject({ kind: z.literal('email').meta({ description: 'An email.' }), value: claimedValue.email }),
      ])
      .meta({ id: 'IdentityCreate', description: 'An address that somebody says is the contact’s.' }),
  z.strictObject({ kind, value: text(300, 'The address.', '+4917012345678') }),
)
