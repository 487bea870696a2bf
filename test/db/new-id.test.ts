import t from 'tap'
import { newId } from '../../src/db/new-id.ts'

t.test('ids of one process are UUIDv7 of now, each greater than the one before, however many at once', async (t) => {
  const before = Date.now()
  const ids = Array.from({ length: 20_000 }, newId)
  t.ok(ids.every((id) => /^[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/.test(id)))
  t.ok(ids.every((id, i) => i === 0 || id > (ids[i - 1] ?? '')))
  const madeAt = Number.parseInt((ids[0] ?? '').replace('-', '').slice(0, 12), 16)
  t.ok(madeAt >= before && madeAt <= Date.now())
  t.equal(new Set(ids.map((id) => id.slice(19))).size, ids.length, 'the rest is chance')
})
