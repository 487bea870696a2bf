import t from 'tap'
import { connectionSeconds, PreparedStatements } from '../../src/db/prepared.ts'

const own = (text: string) => ({ text, params: [], kept: 'own' }) as const
const asked = (text: string) => ({ text, params: [], kept: 'asked' }) as const

/** How often a statement must run until it has a name; Infinity when it never gets one. */
function runsUntilNamed(statements: PreparedStatements, statement: ReturnType<typeof own | typeof asked>): number {
  for (let run = 1; run <= 100; run++) if (statements.query(statement, []).name) return run
  return Number.POSITIVE_INFINITY
}

t.test('a statement that runs again and again gets a name of its own', async (t) => {
  const statements = new PreparedStatements()
  t.equal(runsUntilNamed(statements, own('SELECT 1')), 2)
  t.equal(runsUntilNamed(statements, asked('SELECT 2')), 20, 'one that requests shape has to earn it')
  const [one, same, other] = ['SELECT 1', 'SELECT 1', 'SELECT 2'].map((text) => statements.query(own(text), []).name)
  t.equal(one, same)
  t.not(one, other)
  t.match(one, /^c_[\w-]{20}$/, 'no longer than an identifier')
  t.equal(statements.query({ text: 'SELECT 1', params: [] }, []).name, undefined, 'what is not kept has none')
})

t.test(
  'what requests shape takes no place of ours, and a place is given again only when nobody remembers',
  async (t) => {
    const statements = new PreparedStatements()
    let now = 1_000_000
    t.intercept(Date, 'now', { value: () => now })
    for (let i = 0; i < 40; i++) t.equal(runsUntilNamed(statements, asked(`asked ${i}`)), 20)
    t.equal(runsUntilNamed(statements, asked('one more')), Number.POSITIVE_INFINITY)
    for (let i = 0; i < 60; i++) runsUntilNamed(statements, own(`own ${i}`))
    t.equal(runsUntilNamed(statements, own('one more')), Number.POSITIVE_INFINITY, 'all places are taken')
    now += connectionSeconds * 1000 + 1
    const kept = statements.query(own('own 0'), []).name
    t.ok(kept, 'still in use')
    t.ok(statements.query(own('one more'), []).name, 'the place of one that has been idle')
    t.equal(statements.query(own('own 0'), []).name, kept, 'not of one in use')
    t.equal(statements.query(asked('asked 0'), []).name, undefined, 'the oldest went')
  },
)

t.test('behind a pooler that loses names, none is used any more', async (t) => {
  const statements = new PreparedStatements()
  runsUntilNamed(statements, own('SELECT 1'))
  t.notOk(
    statements.isLost(Object.assign(new Error('duplicate key'), { code: '23505' })),
    'another error is another error',
  )
  t.ok(statements.isLost(Object.assign(new Error('no such statement'), { code: '26000' })))
  t.equal(statements.query(own('SELECT 1'), []).name, undefined)
  t.notOk(statements.isLost(Object.assign(new Error('no such statement'), { code: '26000' })), 'once')
})
