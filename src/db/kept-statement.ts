import type { Principal } from '../access/principal.ts'
import { type Compiled, compile, type SQL } from './sql.ts'
import { once } from './texts.ts'

/** Of one ability: those of our own code, and what is left of them for statements that requests shape. */
const keptMax = 500
const askedForMax = 300

/** A statement kept with the ability, by name: see ReadPlan.key. */
export function keptStatement({ ability }: Principal, key: string, build: () => SQL, isAskedFor = false): Compiled {
  const known = ability.cache.get(key) as Compiled | undefined
  if (known) return known
  const { text, params } = compile(build())
  const shared = once(text)
  const statement: Compiled = { text: shared.text, params, kept: isAskedFor ? 'asked' : 'own' }
  if (ability.cache.size < (isAskedFor ? askedForMax : keptMax)) {
    ability.cache.set(key, statement)
    ability.weight += shared.cost
  }
  return statement
}
