import type { JsonObject } from '../json.ts'

/** Members of an entry that say which one it is and how it came, nothing of what happened. */
const ABOUT_ENTRY = new Set(['id', 'uid', 'time', 'hop_context', 'changed_fields'])

/**
 * Whether an entry holds more than its known lists: something that Meta has added, or that stands where a list should.
 * Words and numbers beside the lists are no events.
 * @param rest the entry without its lists
 * @param lists their names: whatever is left of those in `rest` is none
 */
export function saysMore(rest: JsonObject, lists: readonly string[]): boolean {
  return Object.entries(rest).some(([name, value]) => {
    if (value === null || ABOUT_ENTRY.has(name)) return false
    return typeof value === 'object' ? Object.keys(value).length > 0 : lists.includes(name)
  })
}
