import { fieldSql, sight } from '../access/door.ts'
import type { ResourceModel } from '../access/model.ts'
import type { Principal } from '../access/principal.ts'
import { type SQL, sql } from './sql.ts'

/** Every word must be found in some field that the principal reads in clear. */
export function searchSql(principal: Principal, model: ResourceModel, q: string): SQL {
  const fields = [...principal.ability.fields(model).values()].flatMap((field) => {
    const seen = field.search ? sight(principal, model, field.name) : null
    const value = seen && fieldSql(seen, 'search')
    return value ? [{ search: field.search, value }] : []
  })
  const escaped = (text: string): string => text.replaceAll(/[\\%_]/g, '\\$&')
  // A phone is typed in many ways: its digits count, without the zeros of a national number ("0170", "+49 (0) 170").
  const digits = /^[+\d\s().\-/]+$/.test(q) ? q.replace('(0)', '').replaceAll(/\D/g, '').replace(/^0+/, '') : ''
  const asPhone = fields
    .filter((field) => field.search === 'phone' && digits.length >= 3)
    .map(({ value }) => sql`${value} LIKE ${`%${digits}%`}`)
  const words = q
    .split(/\s+/)
    .filter((word) => word !== '')
    .slice(0, 10)
  const asWords = words.map((word) => {
    const hits = fields.flatMap(({ search, value }) => {
      // Escaped when it is folded: a full-width percent sign or a set minus only then become what LIKE knows.
      if (search === 'text')
        return [
          sql`app.fold(${value}) LIKE '%' || regexp_replace(app.fold(${word}), '[\\\\%_]', '\\\\\\&', 'g') || '%'`,
        ]
      return search === 'email' ? [sql`lower(${value}) LIKE ${`%${escaped(word.toLowerCase())}%`}`] : []
    })
    return hits.length > 0 ? sql`(${sql.join(hits, sql` OR `)})` : sql`false`
  })
  const all = asWords.length > 0 ? sql`(${sql.join(asWords, sql` AND `)})` : sql`false`
  return sql`(${sql.join([all, ...asPhone], sql` OR `)})`
}
