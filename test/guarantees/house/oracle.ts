import type { Row } from '../../harness/service.ts'

// What grants say, worked out a second time from their JSON alone: nothing of src/access is in here, so that a fault
// there is not agreed with. Slower and plainer than the real thing.

export interface GrantJson {
  resource: string
  actions: readonly string[]
  fields?: { read?: readonly string[]; mask?: readonly string[]; write?: readonly string[] }
  when?: Readonly<Record<string, unknown>>
}

export interface Me {
  id: string
  teamIds: readonly string[]
  businessUnitIds: readonly string[]
  countries: readonly string[]
}

/** Whoever asks, as its roles' JSON says: one list of grants for each that must allow (a key, and its member). */
export interface Holder {
  layers: readonly (readonly GrantJson[])[]
  me: Me
  units: readonly string[] | '*'
}

type Json = Readonly<Record<string, unknown>>
export type Sight = 'clear' | 'masked' | 'hidden'

/** The custom fields whose definitions say that whoever may see custom fields at all may see them. */
export type Open = ReadonlySet<string>

/** A field's value in a record, custom fields by their full names. */
export function heldIn(row: Json, field: string): unknown {
  const [group, ...key] = field.split('.')
  if (key.length === 0) return row[field]
  const values = row[group ?? '']
  return isObject(values) ? values[key.join('.')] : undefined
}

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null

function given(value: unknown, me: Me): unknown {
  if (typeof value !== 'string' || !value.startsWith('$me.')) return value
  return Object.entries(me).find(([name]) => value === `$me.${name}`)?.[1]
}

/** Whether a condition of a grant holds for a row, two-valued. Knows what the grants of these tests say, no more. */
function holds(when: Json, row: Json, me: Me): boolean {
  const [[op, argument] = ['', null]] = Object.entries(when)
  const parts = Array.isArray(argument) ? argument : []
  if (op === 'and') return parts.every((part) => holds(part, row, me))
  if (op === 'or') return parts.some((part) => holds(part, row, me))
  if (op === 'not') return isObject(argument) && !holds(argument, row, me)
  const value = heldIn(row, String(parts[0]))
  const other = given(parts[1], me)
  const values = Array.isArray(value) ? value : [value]
  const present = value !== null && value !== undefined && values.length > 0
  switch (op) {
    case 'exists':
      return present === other
    case 'eq':
      return present && values.includes(other)
    case 'ne':
      return present && values.some((one) => one !== other)
    case 'in':
      return present && Array.isArray(other) && values.some((one) => other.includes(one))
    case 'gt':
      return present && typeof value === 'number' && value > Number(other)
    case 'lt':
      return present && typeof value === 'number' && value < Number(other)
  }
  throw new Error(`the oracle does not know ${op}`)
}

export class Oracle {
  readonly #holder: Holder
  readonly #open: Open

  constructor(holder: Holder, open: Open) {
    this.#holder = holder
    this.#open = open
  }

  get me(): Me {
    return this.#holder.me
  }

  #granting(layer: readonly GrantJson[], action: string, resource: string): GrantJson[] {
    return layer.filter((grant) => grant.resource === resource && grant.actions.includes(action))
  }

  #names(list: readonly string[] | undefined, field: string): boolean {
    if (!list) return false
    return list.includes('*') || list.includes(field) || (this.#open.has(field) && list.includes(group(field)))
  }

  /** Whether some row might be used so. */
  may(action: string, resource: string): boolean {
    return this.#holder.layers.every((layer) => this.#granting(layer, action, resource).length > 0)
  }

  /** Whether this row may be used so, as far as grants tell. */
  can(action: string, resource: string, row: Json): boolean {
    const { layers, me } = this.#holder
    return layers.every((layer) =>
      this.#granting(layer, action, resource).some((grant) => !grant.when || holds(grant.when, row, me)),
    )
  }

  /** The rule of the platform under every role: a row of a business unit is there for its members. */
  inUnits(row: Json): boolean {
    const { units } = this.#holder
    const unit = row.businessUnitId
    return units === '*' || unit === undefined || (typeof unit === 'string' && units.includes(unit))
  }

  /** Which human a contact is, only those are told who may read humans, whatever fields their roles name. */
  #isFor(resource: string, field: string): boolean {
    return resource !== 'contacts' || field !== 'subjectId' || this.may('read', 'subjects')
  }

  sight(resource: string, row: Json, field: string): Sight {
    if (field === 'id') return 'clear'
    if (!this.#isFor(resource, field)) return 'hidden'
    const { layers, me } = this.#holder
    const named = (uses: ('read' | 'mask')[]): boolean =>
      layers.every((layer) =>
        this.#granting(layer, 'read', resource).some(
          (grant) =>
            (!grant.when || holds(grant.when, row, me)) && uses.some((use) => this.#names(grant.fields?.[use], field)),
        ),
      )
    return named(['read']) ? 'clear' : named(['read', 'mask']) ? 'masked' : 'hidden'
  }

  /** How the field is seen on some row, at best: what questions may name it follows from that. */
  bestSight(resource: string, field: string): Sight {
    if (field === 'id') return 'clear'
    if (!this.#isFor(resource, field)) return 'hidden'
    const named = (uses: ('read' | 'mask')[]): boolean =>
      this.#holder.layers.every((layer) =>
        this.#granting(layer, 'read', resource).some((grant) =>
          uses.some((use) => this.#names(grant.fields?.[use], field)),
        ),
      )
    return named(['read']) ? 'clear' : named(['read', 'mask']) ? 'masked' : 'hidden'
  }

  /** Whether a field of this row may be set. */
  writable(action: 'create' | 'update', resource: string, row: Json, field: string): boolean {
    const { layers, me } = this.#holder
    return layers.every((layer) =>
      this.#granting(layer, action, resource).some(
        (grant) => (!grant.when || holds(grant.when, row, me)) && this.#names(grant.fields?.write, field),
      ),
    )
  }

  /** Whether the principal knows that there is such a field: it sees it on some row, or sets it on some. */
  known(action: 'create' | 'update', resource: string, field: string): boolean {
    const settable = this.#holder.layers.every((layer) =>
      this.#granting(layer, action, resource).some((grant) => this.#names(grant.fields?.write, field)),
    )
    return settable || this.bestSight(resource, field) !== 'hidden'
  }

  /** The fields that conditions of the principal's grants ask about: what they hold decides what is there at all. */
  decisive(resource: string): Set<string> {
    const found = new Set<string>()
    const visit = (node: unknown): void => {
      if (!isObject(node)) return
      for (const [op, argument] of Object.entries(node)) {
        if (op === 'and' || op === 'or') for (const part of Array.isArray(argument) ? argument : []) visit(part)
        else if (op === 'not') visit(argument)
        else if (Array.isArray(argument)) found.add(String(argument[0]))
      }
    }
    for (const layer of this.#holder.layers)
      for (const grant of layer) if (grant.resource === resource) visit(grant.when)
    return found
  }
}

const group = (field: string): string => field.split('.')[0] ?? field

/** What a record belongs to: whoever does not see that does not see the record. */
const wholes: Readonly<Record<string, { resource: string; link: string }>> = {
  identities: { resource: 'contacts', link: 'contactId' },
  'consent-events': { resource: 'contacts', link: 'contactId' },
  messages: { resource: 'conversations', link: 'conversationId' },
  notes: { resource: 'conversations', link: 'conversationId' },
  attachments: { resource: 'conversations', link: 'conversationId' },
}

/**
 * Whether a record is there for the principal: grants, business units, the trash (there for whoever may restore), what
 * it belongs to, and the rules of single nouns.
 */
export function isThere(
  oracle: Oracle,
  resource: string,
  row: Row,
  other: (resource: string, id: unknown) => Row | null,
): boolean {
  if (!oracle.can('read', resource, row) || !oracle.inUnits(row)) return false
  if (row.trashedAt && !oracle.can('restore', resource, row)) return false
  if (
    resource === 'custom-fields' &&
    !['create', 'update', 'delete', 'restore'].some((action) => oracle.may(action, resource))
  ) {
    // A definition tells that there is such data.
    const field = `customFields.${row.key}`
    if (!oracle.known('create', 'contacts', field) && !oracle.known('update', 'contacts', field)) return false
  }
  // A human is in the units of their contacts.
  if (resource === 'subjects')
    return Array.isArray(row.contacts) && row.contacts.some((contact) => oracle.inUnits(contact))
  if (resource === 'audit-events') {
    // An event is in the units of its contacts.
    const ids: readonly unknown[] = Array.isArray(row.subjectIds) ? row.subjectIds : []
    return ids.every((id) => {
      const subject = other('contacts', id)
      return subject !== null && oracle.inUnits(subject)
    })
  }
  const whole = wholes[resource]
  if (!whole || row[whole.link] === null) return true
  const parent = other(whole.resource, row[whole.link])
  return parent !== null && isThere(oracle, whole.resource, parent, other)
}
