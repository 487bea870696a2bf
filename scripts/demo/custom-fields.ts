import type { contactCustomValue } from '../../src/db/tables/custom-field.ts'
import type { NewRow } from './bulk-insert.ts'
import type { Person } from './people.ts'
import type { Random } from './random.ts'

type Value = Pick<
  NewRow<typeof contactCustomValue>,
  'textValue' | 'numberValue' | 'booleanValue' | 'dateValue' | 'listValue'
>

interface DemoField {
  /** As it is posted to /v1/custom-fields. */
  definition: object
  /** What a person has in it; null: nothing. */
  value: (person: Person, random: Random) => Value | null
}

const lines = ['lighting', 'coffee', 'kitchen', 'outdoor'] as const
const terms = ['prepaid', 'net14', 'net30'] as const

const sells = ({ company }: Person): boolean => company !== null
const buys = ({ lifecycleStage }: Person): boolean => lifecycleStage === 'customer' || lifecycleStage === 'former'

/** The fields that Meridian has defined for its contacts, one of each kind that it needs. */
export const customFields: Readonly<Record<string, DemoField>> = {
  customerSince: {
    definition: {
      ...{ type: 'date', classification: 'general', category: 'behaviour', origin: 'observed' },
      labels: { en: 'Customer since', de: 'Kunde seit' },
    },
    value: (person, random) => (buys(person) ? { dateValue: day(person.createdMs, -random.int(0, 900)) } : null),
  },
  productLines: {
    definition: {
      ...{ type: 'multiChoice', classification: 'general', category: 'profile' },
      labels: { en: 'Product lines', de: 'Sortimente', fr: 'Gammes' },
      options: lines.map((value) => ({ value })),
    },
    value: (_person, random) => {
      const listValue = lines.filter(() => random.is(0.35))
      return listValue.length > 0 ? { listValue } : null
    },
  },
  paymentTerms: {
    definition: {
      ...{ type: 'choice', classification: 'general' },
      labels: { en: 'Payment terms', de: 'Zahlungsziel' },
      options: [
        { value: 'prepaid', labels: { en: 'Prepaid', de: 'Vorkasse' } },
        { value: 'net14', labels: { en: '14 days', de: '14 Tage' } },
        { value: 'net30', labels: { en: '30 days', de: '30 Tage' } },
      ],
    },
    value: (person, random) => (sells(person) && buys(person) ? { textValue: random.pick(terms) } : null),
  },
  creditLimit: {
    definition: {
      ...{ type: 'money', currency: 'EUR', minimum: 0, classification: 'sensitive', origin: 'inferred' },
      labels: { en: 'Credit limit', de: 'Kreditlimit' },
    },
    value: (person, random) => (sells(person) && random.is(0.6) ? { numberValue: random.int(5, 400) * 10_000 } : null),
  },
  shops: {
    definition: {
      ...{ type: 'number', minimum: 1, maximum: 500, classification: 'general', category: 'profile' },
      labels: { en: 'Number of shops', de: 'Anzahl Filialen' },
    },
    value: (person, random) => (sells(person) && random.is(0.7) ? { numberValue: random.int(1, 24) } : null),
  },
  newCatalogue: {
    definition: { type: 'boolean', classification: 'general', labels: { en: 'Wants the catalogue on paper' } },
    value: (_person, random) => (random.is(0.4) ? { booleanValue: random.is(0.7) } : null),
  },
  assistantEmail: {
    definition: {
      ...{ type: 'text', format: 'email', maxLength: 100, classification: 'personal', category: 'contact' },
      labels: { en: 'Assistant’s email', de: 'E-Mail der Assistenz' },
    },
    value: (person, random) =>
      sells(person) && random.is(0.15) ? { textValue: `office.${person.email.split('@')[0]}@example.org` } : null,
  },
}

const day = (timeMs: number, days: number): string => new Date(timeMs + days * 86_400_000).toISOString().slice(0, 10)
