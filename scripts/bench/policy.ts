/**
 * Measures what rights cost: the same list for the owner and for members whose roles let them see a part of the contacts,
 * and a member with very many grants.
 *
 *   node scripts/bench/policy.ts [--contacts 200000] [--seconds 4] [--rounds 3]
 *
 * Quote the ratios (owner's requests per second by the member's): the machine's own speed drifts. Traffic goes to
 * 127.0.0.1 only.
 */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { startEmbedded } from '../../src/db/embedded.ts'
import { load } from './load.ts'
import { cases, preparePolicies } from './policies.ts'

const { values: args } = parseArgs({
  options: {
    contacts: { type: 'string', default: '200000' },
    seconds: { type: 'string', default: '4' },
    rounds: { type: 'string', default: '3' },
    connections: { type: 'string', default: '16' },
  },
})

const dataDir = mkdtempSync(join(tmpdir(), 'custodia-bench-'))
chmodSync(dataDir, 0o711)
const database = await startEmbedded({ dataDir, log: { info: () => {}, warn: console.error } })
try {
  const prepared = await preparePolicies(database.url, Number(args.contacts))
  const { port, tokens, close } = prepared
  console.log(
    `${args.contacts} contacts, ${args.connections} connections, ${args.seconds} s a run, ${args.rounds} rounds`,
  )
  const lists = [
    '/v1/contacts?limit=25',
    '/v1/contacts?limit=25&sort=-updatedAt',
    '/v1/contacts?limit=25&followUpStatus=open',
  ]
  for (const path of lists) {
    console.log(`\n${path}\nwho          req/s    p50 ms   p99 ms   times the owner's`)
    const run = async (name: string) => {
      const headers = { authorization: `Bearer ${tokens.get(name)}` }
      return load(port, [{ method: 'GET', path, headers }], Number(args.connections), Number(args.seconds))
    }
    for (const name of cases) {
      const runs = []
      await load(port, [{ method: 'GET', path, headers: { authorization: `Bearer ${tokens.get(name)}` } }], 4, 1)
      for (let i = 0; i < Number(args.rounds); i++) runs.push({ owner: await run('owner'), member: await run(name) })
      const middle = (values: number[]): number => values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
      const row = [
        middle(runs.map(({ member }) => member.perSecond)).toFixed(0),
        middle(runs.map(({ member }) => member.p50Ms)).toFixed(1),
        middle(runs.map(({ member }) => member.p99Ms)).toFixed(1),
        middle(runs.map(({ owner, member }) => owner.perSecond / member.perSecond)).toFixed(2),
      ]
      const errors = runs.reduce((sum, one) => sum + one.owner.errors + one.member.errors, 0)
      console.log(
        `${name.padEnd(10)} ${row.map((cell) => cell.padStart(8)).join(' ')}${errors > 0 ? `  ${errors} errors` : ''}`,
      )
    }
  }
  await close()
} finally {
  await database.stop()
  rmSync(dataDir, { recursive: true, force: true })
}
