import type { Database } from '../../src/db/database.ts'
import { contact, contactKey, externalId, identity } from '../../src/db/tables/contact.ts'
import { contactCustomValue } from '../../src/db/tables/custom-field.ts'
import { addressOf } from '../../src/resources/identities/address.ts'
import { systemCaller } from '../../src/resources/tenants/create.ts'
import { type AccountKey, accounts } from './accounts.ts'
import { insertAll, type NewRow } from './bulk-insert.ts'
import type { Dialogue } from './conversations.ts'
import { customFields } from './custom-fields.ts'
import type { Person } from './people.ts'
import { idAt, Random } from './random.ts'
import { type Company, known } from './set-up.ts'

/** At which address of a person a conversation on a channel is held; by person and channel. */
export type Addresses = ReadonlyMap<string, string>
export const addressKey = (person: Person, account: AccountKey): string => `${person.id}/${account}`

const batchSize = 250

/** Contacts with their keys, their ids in other systems, and every address at which they have written. */
export async function fillContacts(
  db: Database,
  company: Company,
  people: readonly Person[],
  dialogues: readonly Dialogue[],
  random: Random,
  advance: (steps: number) => void,
): Promise<Addresses> {
  const addresses = new Map<string, string>()
  const usedBy = new Map<Person, Dialogue[]>()
  for (const dialogue of dialogues) usedBy.set(dialogue.person, [...(usedBy.get(dialogue.person) ?? []), dialogue])
  for (let from = 0; from < people.length; from += batchSize) {
    const batch = people.slice(from, from + batchSize)
    await db.change(systemCaller(db, company.tenant, null), { action: 'import', resource: 'contacts' }, async (tx) => {
      const { tenantId } = company.tenant
      const identities = batch.flatMap((person) =>
        identitiesOf(person, company, usedBy.get(person) ?? [], addresses, random),
      )
      await insertAll(
        tx,
        contact,
        batch.map((person) => contactRow(person, company, usedBy.get(person) ?? [], random)),
      )
      await insertAll(
        tx,
        contactKey,
        batch.map(({ id }) => ({ tenantId, contactId: id, wrappedKey: tx.keys.newContactKey(id) })),
      )
      await insertAll(tx, identity, identities)
      await insertAll(
        tx,
        externalId,
        batch.flatMap((person) =>
          person.externalId === null
            ? []
            : {
                tenantId,
                businessUnitId: known(company.units, person.population.unit),
                system: 'erp',
                value: person.externalId,
                contactId: person.id,
              },
        ),
      )
      await insertAll(
        tx,
        contactCustomValue,
        batch.flatMap((person) => customValues(person, company)),
      )
      const ids = batch.map((person) => person.id)
      tx.touch({
        resource: 'contacts',
        ids,
        changed: ['displayName', 'email', 'phone', 'customFields'],
        version: 1,
        subjectIds: ids,
      })
      tx.touch({
        resource: 'identities',
        ids: identities.flatMap((one) => one.id ?? []),
        changed: ['kind', 'value'],
        version: 1,
        subjectIds: ids,
      })
    })
    advance(batch.length)
  }
  return addresses
}

function contactRow(
  person: Person,
  company: Company,
  dialogues: readonly Dialogue[],
  random: Random,
): NewRow<typeof contact> {
  const { population, residence, externalId: erp } = person
  const seller = company.members.find((one) => one.role === 'sales' && one.teams.includes(population.team))
  const last = Math.max(person.createdMs, ...dialogues.flatMap((one) => one.utterances.map(({ timeMs }) => timeMs)))
  return {
    tenantId: company.tenant.tenantId,
    id: person.id,
    businessUnitId: known(company.units, population.unit),
    displayName: person.displayName,
    givenName: person.givenName,
    familyName: person.familyName,
    email: person.email,
    phone: person.phone,
    company: person.company,
    jobTitle: person.jobTitle,
    country: population.country,
    residenceCountry: residence?.country ?? null,
    residenceSubdivision: residence?.subdivision ?? null,
    residenceSource: residence ? 'provided' : null,
    language: population.tag ?? person.language.tag,
    timezone: population.timezone,
    birthDate: person.birthDate,
    address: person.address,
    lifecycleStage: person.lifecycleStage,
    followUpStatus: person.followUpStatus,
    intent: person.intent,
    intentScore: person.intentScore,
    tags: person.tags,
    externalIds: erp === null ? [] : [{ system: 'erp', id: erp }],
    ownerId: seller && person.followUpStatus !== null && random.is(0.8) ? seller.id : null,
    teamId: known(company.teams, population.team),
    source: person.source,
    createdAt: iso(person.createdMs),
    updatedAt: iso(last),
  }
}

/** All columns in each row: insertAll takes rows of one shape. */
const noValue = {
  textValue: null,
  numberValue: null,
  booleanValue: null,
  dateValue: null,
  listValue: null,
}

/** What a person has in the company's own fields; the same at each run, whatever else is drawn. */
function customValues(person: Person, company: Company): NewRow<typeof contactCustomValue>[] {
  const random = new Random(Number.parseInt(person.phone.slice(-7), 10))
  return Object.entries(customFields).flatMap(([key, { value }]) => {
    const made = value(person, random)
    if (!made) return []
    const row = {
      tenantId: company.tenant.tenantId,
      contactId: person.id,
      fieldId: known(company.fields, key),
      businessUnitId: known(company.units, person.population.unit),
    }
    return [{ ...row, ...noValue, ...made }]
  })
}

/** The primary email and phone, and the address of each channel; those that a provider vouches for are verified. */
function identitiesOf(
  person: Person,
  company: Company,
  dialogues: readonly Dialogue[],
  addresses: Map<string, string>,
  random: Random,
): NewRow<typeof identity>[] {
  const used = [...new Set(dialogues.map((one) => one.account))]
  const types = used.map((account) => accounts[account].type)
  const row = (kind: string, value: string, channelId: string, more: NewRow<typeof identity>) => {
    const address = addressOf(kind, value, channelId)
    const seen = dialogues.filter((one) => known(company.accounts, one.account) === channelId)
    const heard = seen.flatMap((one) => one.utterances.filter((said) => said.isInbound).map((said) => said.timeMs))
    return {
      tenantId: company.tenant.tenantId,
      id: idAt(person.createdMs + 1),
      businessUnitId: known(company.units, person.population.unit),
      contactId: person.id,
      kind,
      channelId: address.channelId,
      value,
      matchValue: address.match,
      displayName: null,
      verified: false,
      isPrimary: false,
      source: 'provided',
      lastSeenAt: heard.length > 0 ? iso(Math.max(...heard)) : null,
      createdAt: iso(person.createdMs),
      ...more,
    }
  }
  const mailbox = used.find((account) => accounts[account].type === 'email')
  const byMail = row('email', person.email, mailbox ? known(company.accounts, mailbox) : '', {
    isPrimary: true,
    verified: types.includes('email'),
  })
  const byPhone = row('phone', person.phone, '', { isPrimary: true, verified: types.includes('whatsapp') })
  const rows = [byMail, byPhone]
  for (const account of used) {
    const { type } = accounts[account]
    if (type === 'email' || type === 'form') {
      addresses.set(addressKey(person, account), byMail.id)
      continue
    }
    const one = row(type, providerId(type, person, random), known(company.accounts, account), {
      verified: type !== 'webchat',
      source: type,
      displayName: person.displayName,
    })
    addresses.set(addressKey(person, account), one.id)
    rows.push(one)
  }
  return rows
}

/** What a person is called by a provider, in its look. */
function providerId(type: string, person: Person, random: Random): string {
  if (type === 'whatsapp') return person.phone.slice(1)
  if (type === 'messenger' || type === 'instagram') return `${random.int(1, 9)}${random.digits(15)}`
  if (type === 'line') return `U${random.hex(32)}`
  if (type === 'telegram') return `${random.int(1, 9)}${random.digits(8)}`
  return `${type}-${random.hex(16)}`
}

export const iso = (timeMs: number): string => new Date(timeMs).toISOString()
