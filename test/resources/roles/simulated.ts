import type { Answer } from '../../harness/service.ts'

export interface SimulatedField {
  name: string
  sight: 'clear' | 'masked' | 'hidden'
  creatable: boolean
  writable: boolean
  filterable: boolean
  sortable: boolean
  searchable: boolean
  exactMatch: boolean
}

/** What a simulation tells of each field. */
export const fieldsOf = (answer: Answer): Map<string, SimulatedField> => {
  const { fields } = answer.body
  if (!Array.isArray(fields)) throw new Error(answer.text)
  return new Map(fields.map((field: SimulatedField) => [field.name, field]))
}
