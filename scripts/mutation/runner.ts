/**
 * Stryker's test runner for test/access: a plugin, loaded by the processes that Stryker starts in its copy of the tree.
 *
 * One process tries one mutant after the other. The packages stay loaded; the project's own modules are loaded anew for
 * each mutant and test file, so that mutants in what a module does on loading are as alive as the others.
 */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { registerHooks, stripTypeScriptTypes } from 'node:module'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { fileURLToPath, pathToFileURL } from 'node:url'
import fc from 'fast-check'

/** What the instrumented code reads and writes; its name is Stryker's. */
interface Switch {
  activeMutant?: string | undefined
  currentTestId?: string | undefined
  mutantCoverage?: unknown
  hitCount?: number | undefined
  hitLimit?: number | undefined
}

interface MutantRun {
  activeMutant: { id: string }
  testFilter?: readonly string[]
  hitLimit?: number
}

/** Those that say most in the least time first: the first failure ends a mutant. */
const order =
  'ability implies literal grant define custom-field rows sight condition-reading condition-truths simplify condition holds-grants door'.split(
    ' ',
  )
const rank = (name: string): number => (order.indexOf(name) + order.length + 1) % (order.length + 1)

const stripped = new Map<string, string>()
let run = 0
let current: { test: unknown } | null = null
/** A test's own function; what it is handed is tap's. */
type Body = (t: { passing(): boolean }) => unknown

// The same cases for every mutant; a failure is enough, nobody reads the smallest one.
fc.configureGlobal({ seed: 20_261_122, endOnFailure: true })

// tap begins a root of its own when it is loaded, and tells the process above of its time limit: that is Stryker, which
// takes it for an answer.
const { send } = process
delete process.send
const { Test, t: idle } = await import('tap')
idle.setTimeout(0)
if (send) process.send = send

/** Gives each run modules of its own, and its own root of tap. */
function reloadFor(root: string): void {
  registerHooks({
    resolve: (specifier, context, next) => {
      const isOwn = context.parentURL?.startsWith(root) && context.parentURL.includes('?run=')
      if (isOwn && specifier === 'tap') return { url: `tap:${run}`, shortCircuit: true, format: 'module' }
      if (isOwn && specifier.startsWith('.'))
        return { url: `${new URL(specifier, context.parentURL).href}?run=${run}`, shortCircuit: true, format: 'module' }
      return next(specifier, context)
    },
    load: (url, context, next) => {
      if (url.startsWith('tap:'))
        return { source: 'export default globalThis.currentTap()', format: 'module', shortCircuit: true }
      if (!url.startsWith(root) || !url.includes('?run=')) return next(url, context)
      const path = fileURLToPath(url.replace(/\?.*/, ''))
      const source = stripped.get(path) ?? stripTypeScriptTypes(readFileSync(path, 'utf8'))
      stripped.set(path, source)
      return { source, format: 'module', shortCircuit: true }
    },
  })
}
Object.assign(globalThis, { currentTap: () => current })

class AccessRunner {
  readonly #switch: Switch

  constructor() {
    // The process has been led into Stryker's copy of the tree by now.
    reloadFor(pathToFileURL(`${process.cwd()}/`).href)
    const held = globalThis as { __stryker__?: Switch }
    held.__stryker__ ??= {}
    this.#switch = held.__stryker__
  }

  capabilities(): { reloadEnvironment: boolean } {
    return { reloadEnvironment: true }
  }

  async dryRun(): Promise<object> {
    const tests: object[] = []
    for (const name of files()) {
      this.#switch.currentTestId = name
      const start = performance.now()
      const failure = await runFile(name)
      const base = { id: name, name: versionOf(name), timeSpentMs: performance.now() - start, fileName: pathOf(name) }
      tests.push(failure === null ? { ...base, status: 0 } : { ...base, status: 1, failureMessage: failure })
    }
    return { status: 'complete', tests, mutantCoverage: this.#switch.mutantCoverage }
  }

  async mutantRun({ activeMutant, testFilter, hitLimit }: MutantRun): Promise<object> {
    Object.assign(this.#switch, {
      activeMutant: activeMutant.id,
      hitCount: hitLimit === undefined ? hitLimit : 0,
      hitLimit,
    })
    let nrOfTests = 0
    try {
      for (const name of files().filter((one) => testFilter?.includes(one) ?? true)) {
        nrOfTests++
        const failureMessage = await runFile(name)
        if (failureMessage === null) continue
        if (hitLimit !== undefined && (this.#switch.hitCount ?? 0) > hitLimit) return { status: 'timeout' }
        return { status: 'killed', killedBy: [name], failureMessage, nrOfTests }
      }
      return { status: 'survived', nrOfTests }
    } finally {
      this.#switch.activeMutant = undefined
    }
  }
}

function files(): string[] {
  const all = readdirSync(join(process.cwd(), 'test/access')).filter((name) => name.endsWith('.test.ts'))
  const names = all.map((name) => name.slice(0, -'.test.ts'.length))
  return names.toSorted((one, other) => rank(one) - rank(other))
}

const pathOf = (name: string): string => join(process.cwd(), 'test/access', `${name}.test.ts`)

/** A test that has changed is another one to Stryker, so that what it knows of the old one does not count. */
function versionOf(name: string): string {
  const hash = createHash('sha256')
  const shared = ['probe.ts', 'probe-custom.ts'].map((file) => join(process.cwd(), 'test/access', file))
  for (const path of [pathOf(name), ...shared]) hash.update(readFileSync(path))
  return `${name} ${hash.digest('hex').slice(0, 12)}`
}

/** Runs a test file under a root of its own; null when all of it passed. */
async function runFile(name: string): Promise<string | null> {
  run++
  let failure: string | null = null
  const tap = new Test({ name })
  const onError = (error: unknown): void => {
    failure ??= String(error)
  }
  process.on('uncaughtException', onError).on('unhandledRejection', onError)
  const ended = new Promise<void>((resolve) => tap.once('end', resolve))
  tap.resume()
  current = {
    test: (title: string, ...rest: [Body] | [object, Body]) => {
      const [options, body] = rest.length === 1 ? [{}, rest[0]] : rest
      return tap.test(title, { ...options, name: title }, async (t) => {
        // What follows a failure need not be run.
        if (failure !== null) return
        await body(t)
        if (!t.passing()) failure = title
      })
    },
  }
  try {
    await import(`${pathToFileURL(pathOf(name)).href}?run=${run}`)
    tap.end()
    await ended
    if (!tap.passing()) failure ??= 'failed'
  } catch (error) {
    failure ??= String(error)
  } finally {
    process.off('uncaughtException', onError).off('unhandledRejection', onError)
  }
  return failure
}

export const strykerPlugins = [{ kind: 'TestRunner', name: 'access', injectableClass: AccessRunner }]
