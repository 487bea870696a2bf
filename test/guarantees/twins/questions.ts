import { operatorsOf } from '../../../src/access/condition.ts'
import type { Field } from '../../../src/access/model.ts'
import { resources } from '../../../src/resources/index.ts'
import type { Actor } from '../house/cast.ts'
import { heldIn, Oracle } from '../house/oracle.ts'
import { listPath } from '../house/paths.ts'
import { openOf, type Setting } from '../matrix/field-matrix.ts'
import { fieldsOf, other } from '../matrix/fields.ts'
import { bodyOf, newBody, requiredOf, takes } from '../matrix/write.ts'
import type { Chance } from './chance.ts'
import { fits, newValue, scalar, wordsIn } from './words.ts'
import type { Difference } from './worlds.ts'

/** A request; `follow` asks for the next page too, `withEtag` sends the record's own as it is told at that moment. */
export interface Question {
  method: string
  path: string
  body?: unknown
  headers?: Record<string, string>
  follow?: true
  withEtag?: 'if-match' | 'if-none-match'
}

type Named = [resource: string, name: string, field: Field]

/** Makes up questions of one actor, whose answers may not tell the worlds apart. */
export class Asker {
  readonly #setting: Setting
  readonly #oracle: Oracle
  #chance: Chance
  /** Every field of every resource. */
  readonly #fields: readonly Named[]
  /** What stands in one world or the other, to be asked for. */
  readonly #words: readonly unknown[]
  /** What the worlds have otherwise, by the field: at these values a question would tell them apart. */
  readonly #edges: ReadonlyMap<string, readonly unknown[]>
  readonly #apart: readonly Named[]
  readonly #lists: readonly string[]
  readonly #refused: readonly string[]

  constructor(setting: Setting, actor: Actor, differences: readonly Difference[], chance: Chance) {
    this.#setting = setting
    this.#oracle = new Oracle(actor, openOf(setting.definitions))
    this.#chance = chance
    this.#fields = resources.flatMap((resource) =>
      [...fieldsOf(resource, setting.definitions)].map(([name, field]): Named => [resource.name, name, field]),
    )
    this.#words = differences.flatMap(({ one, two }) => [one, two]).flatMap((value) => wordsIn(value))
    const edges = new Map<string, unknown[]>()
    for (const { resource, field, one, two } of differences) {
      const name = `${resource}.${field}`
      edges.set(name, [...(edges.get(name) ?? []), ...wordsIn(one), ...wordsIn(two)])
    }
    this.#edges = edges
    // Those that are masked are few beside those that are hidden, and most can be asked of them.
    this.#apart = this.#fields.filter(
      ([resource, name]) => edges.has(`${resource}.${name}`) && this.#oracle.bestSight(resource, name) === 'masked',
    )
    const lists = resources.map(({ name }) => name).filter((name) => listPath(setting.routes, name))
    // A question about what may not be read at all is refused whatever it asks: of those one in ten is enough.
    this.#lists = lists.filter((name) => this.#oracle.may('read', name))
    this.#refused = lists.filter((name) => !this.#lists.includes(name))
  }

  #noun(): string {
    // Half of the questions are about nouns of which something is masked: there most can be asked, and told.
    const masked = [...new Set(this.#apart.map(([resource]) => resource))].filter((name) => this.#lists.includes(name))
    if (masked.length > 0 && this.#chance.is(0.5)) return this.#chance.of(masked)
    const isRefused = this.#lists.length === 0 || (this.#refused.length > 0 && this.#chance.is(0.1))
    return this.#chance.of(isRefused ? this.#refused : this.#lists)
  }

  /** Makes questions up by other dice: the same dice, the same questions. */
  with<T>(chance: Chance, make: (asker: this) => T): T {
    this.#chance = chance
    return make(this)
  }

  #row(resource: string): { id: string } & Record<string, unknown> {
    return this.#chance.of([...(this.#setting.rows.get(resource)?.values() ?? [])])
  }

  #id(resource: string): string {
    return this.#chance.is(0.06) ? this.#setting.house.missing : this.#row(resource).id
  }

  /** Where a resource is listed, below some parent. */
  #list(resource: string): string {
    const url =
      this.#setting.routes.find(({ method, url }) => method === 'GET' && url.endsWith(`/${resource}`))?.url ?? ''
    return url.replace(':id', this.#id(url.split('/')[2] ?? ''))
  }

  /** Whether somebody may ask for one full value of the field, and for nothing else. */
  #isMatchOnly([resource, name, field]: Named): boolean {
    return this.#oracle.bestSight(resource, name) === 'masked' && field.detected === null
  }

  /** An operator of the field's kind. A yes or no that is masked has no full value that neither world has. */
  #op(named: Named): string {
    const ops = operatorsOf(named[2].kind)
    return this.#chance.of(
      named[2].kind === 'boolean' && this.#isMatchOnly(named) ? ops.filter((op) => op !== 'eq') : ops,
    )
  }

  #field(resource: string): Named {
    const own = this.#fields.filter(([name]) => name === resource)
    // Now and then one that belongs elsewhere, or nowhere.
    if (this.#chance.is(0.05)) return this.#chance.of(this.#fields)
    const apart = this.#apart.filter(([name]) => name === resource)
    if (apart.length > 0 && this.#chance.is(0.45)) return this.#chance.of(apart)
    // Half of them such as are not refused from the start.
    const known = own.filter(([, name]) => this.#oracle.bestSight(resource, name) !== 'hidden')
    return this.#chance.of(known.length > 0 && this.#chance.is(0.5) ? known : own)
  }

  /**
   * A value to compare a field with. One that is masked may be asked for its one full value, which is a right: there,
   * only values that are in neither world.
   */
  #operand([resource, name, field]: Named, op: string): unknown {
    if (op === 'exists') return this.#chance.is(0.5)
    const one = (): unknown => {
      if (op === 'eq' && this.#isMatchOnly([resource, name, field])) return this.#fresh(field)
      const edges = this.#edges.get(`${resource}.${name}`) ?? []
      if (edges.length > 0 && this.#chance.is(0.6)) return this.#chance.of(edges)
      const held = heldIn(this.#row(resource), name)
      if (this.#chance.is(0.3) && held !== undefined && held !== null) return Array.isArray(held) ? held[0] : held
      const word = this.#words.length > 0 ? this.#chance.of(this.#words) : 'x'
      if (field.kind === 'text' || field.kind === 'choice' || field.kind === 'textList') {
        const text = String(word)
        return this.#chance.is(0.5) ? text : text.slice(0, 1 + this.#chance.below(text.length))
      }
      if (field.kind === 'number') return typeof word === 'number' ? word : this.#chance.below(100)
      const fitting = this.#words.filter((each) => fits(field.kind, each))
      return fitting.length > 0 ? this.#chance.of(fitting) : other(field.kind, 1)
    }
    if (op !== 'in') return scalar(one())
    return Array.from({ length: 1 + this.#chance.below(3) }, one).map(scalar)
  }

  /** What is new in each world is so by the same chance in both: the house counts its words, and goes on counting. */
  #made(body: Record<string, unknown>): Record<string, unknown> {
    const counted = /zq[a-z]+?[bcdfghjkmn]{5}\b/gi
    return JSON.parse(JSON.stringify(body).replaceAll(counted, () => `zq${this.#chance.below(1e9)}`))
  }

  #fresh(field: Field): unknown {
    return field.kind === 'text' ? `${this.#chance.word()}@${this.#chance.word()}.example` : other(field.kind, 987_654)
  }

  #condition(resource: string, depth = 0): object {
    if (depth < 2 && this.#chance.is(0.35)) {
      const op = this.#chance.of(['and', 'or', 'not'])
      if (op === 'not') return { not: this.#condition(resource, depth + 1) }
      return { [op]: Array.from({ length: 1 + this.#chance.below(2) }, () => this.#condition(resource, depth + 1)) }
    }
    const named = this.#field(resource)
    const op = this.#op(named)
    return { [op]: [named[1], this.#operand(named, op)] }
  }

  #sort(resource: string): string {
    return `${this.#chance.is(0.5) ? '-' : ''}${this.#field(resource)[1]}`
  }

  #q(): string {
    const word = String(this.#words.length > 0 ? this.#chance.of(this.#words) : 'x').split(' ')[0] ?? 'x'
    return word.slice(0, 3 + this.#chance.below(12)) || 'x'
  }

  #query(resource: string): string {
    const query = new URLSearchParams()
    for (let i = this.#chance.below(3); i > 0; i--) {
      const named = this.#field(resource)
      const op = this.#op(named)
      const value = this.#operand(named, op)
      query.set(op === 'eq' ? named[1] : `${named[1]}[${op}]`, Array.isArray(value) ? value.join() : String(value))
    }
    if (this.#chance.is(0.4)) query.set('sort', this.#sort(resource))
    if (this.#chance.is(0.5)) query.set('limit', String(1 + this.#chance.below(3)))
    if (this.#chance.is(0.2)) query.set('q', this.#q())
    if (this.#chance.is(0.3)) query.set('include', this.#include())
    if (this.#chance.is(0.15)) query.set('trashed', 'true')
    // The audit goes on while questions are asked; what was before stands still.
    if (resource === 'audit-events') query.set('to', '2026-03-02T00:00:00Z')
    return query.size > 0 ? `?${query}` : ''
  }

  #include(): string {
    return this.#chance.some(['contact', 'lastMessage', 'assignee', 'owner'], 0.5).join() || 'contact'
  }

  /** A question that changes nothing. */
  look(): Question {
    const resource = this.#noun()
    const kind = this.#chance.next()
    if (kind < 0.35) return { method: 'GET', path: `${this.#list(resource)}${this.#query(resource)}`, follow: true }
    if (kind < 0.62 && resource !== 'audit-events')
      return {
        method: 'POST',
        path: `${this.#list(resource)}/search`,
        follow: true,
        body: {
          where: this.#condition(resource),
          ...(this.#chance.is(0.4) ? { sort: this.#sort(resource) } : {}),
          ...(this.#chance.is(0.5) ? { limit: 1 + this.#chance.below(3) } : {}),
          ...(this.#chance.is(0.15) ? { q: this.#q() } : {}),
          ...(this.#chance.is(0.15) && resource === 'conversations' ? { include: ['contact', 'lastMessage'] } : {}),
        },
      }
    if (kind < 0.7) {
      const kinds = this.#chance.is(0.5) ? '?kind=message,note&limit=1' : '?limit=2'
      return { method: 'GET', path: `/v1/contacts/${this.#id('contacts')}/timeline${kinds}`, follow: true }
    }
    const of = this.#noun()
    const path = `/v1/${of}/${this.#id(of)}`
    if (kind < 0.74)
      return {
        method: 'GET',
        path: this.#chance.of(['/content', '/payload', '/evidence', '/history'].map((end) => `${path}${end}`)),
      }
    const method = this.#chance.is(0.2) ? 'HEAD' : 'GET'
    const include = of === 'conversations' && this.#chance.is(0.6) ? `?include=${this.#include()}` : ''
    return {
      method,
      path: `${path}${include}`,
      ...(this.#chance.is(0.2) ? { withEtag: 'if-none-match' as const } : {}),
    }
  }

  /** A question that may change something. */
  change(): Question {
    const kind = this.#chance.next()
    const nouns = [
      'contacts',
      'contacts',
      'conversations',
      'notes',
      'identities',
      'consent-events',
      'tags',
      'attachments',
    ]
    const resource = resources.find(({ name }) => name === this.#chance.of(nouns))
    if (!resource) return this.look()
    const { name } = resource
    const id = this.#id(name)
    const ids: Record<string, string> = this.#chance.is(0.3)
      ? { 'idempotency-key': this.#chance.of(['one', 'two']) }
      : {}
    const etag = this.#chance.of([
      { withEtag: 'if-match' as const },
      { headers: { 'if-match': '"stale"' } },
      {},
      {},
      {},
    ])
    if (kind < 0.5) {
      const body = Object.assign({}, ...Array.from({ length: 1 + this.#chance.below(2) }, () => this.#setting1(name)))
      return { method: 'PATCH', path: `/v1/${name}/${id}`, body, ...etag }
    }
    if (kind < 0.62) {
      const masked = (field: string): boolean => this.#oracle.bestSight('contacts', field) === 'masked'
      // What is masked may be revealed, which is a right; what is hidden may not.
      const fields = this.#fields.filter(([of, field]) => of === 'contacts' && !masked(field)).map(([, field]) => field)
      const seen = fields.filter((field) => this.#oracle.bestSight('contacts', field) === 'hidden')
      const asked = [this.#chance.of(seen.length > 0 ? [...seen, 'unknown'] : ['unknown'])]
      return {
        method: 'POST',
        path: `/v1/contacts/${this.#id('contacts')}/reveal`,
        body: { fields: asked, reason: 'asked' },
      }
    }
    if (kind < 0.8 && takes(resource.createBody, requiredOf(resource)[0] ?? 'displayName') && name !== 'attachments') {
      const own = this.#fields.filter(
        ([of, field]) => of === name && takes(resource.createBody, field) && field !== 'externalIds',
      )
      const [, field] = this.#chance.of(own)
      const row = this.#setting.rows.get(name)?.get('near')
      if (row)
        return {
          method: 'POST',
          path: this.#list(name),
          body: { ...this.#made(newBody(resource, row, field)), ...this.#given(name, field) },
          headers: ids,
        }
    }
    if (kind < 0.9) return { method: 'DELETE', path: `/v1/${name}/${id}`, ...etag }
    return { method: 'POST', path: `/v1/${name}/${id}/restore`, headers: ids }
  }

  /** A field set to a value that is in neither world, or to a visible one. */
  #setting1(resource: string): Record<string, unknown> {
    const [, name, field] = this.#field(resource)
    return this.#chance.is(0.12) ? bodyOf(name, null) : bodyOf(name, newValue(this.#chance, this.#setting, name, field))
  }

  #given(resource: string, name: string): Record<string, unknown> {
    const named = this.#fields.find(([of, field]) => of === resource && field === name)
    const isFree =
      named !== undefined &&
      named[2].kind === 'text' &&
      !['value', 'kind', 'email', 'phone', 'language', 'timezone', 'country'].includes(name)
    return isFree ? bodyOf(name, newValue(this.#chance, this.#setting, name, named[2])) : {}
  }
}
