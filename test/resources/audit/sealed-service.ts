import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sealAll } from '../../harness/seal.ts'
import { startTestService, type TestService } from '../../harness/service.ts'

export interface SealedService extends TestService {
  /** Seals all that has happened. */
  seal(): Promise<void>
  /** Runs the verifier as it is downloaded, over files of these texts; their names stand for them among the words. */
  verify(words: readonly string[], files: Readonly<Record<string, string>>): { status: number | null; said: string }
  /** The log's first key. */
  vkey(): Promise<string>
}

/** A service whose events are sealed when the test says so. */
export async function startSealedService(
  t: { teardown(end: () => unknown): unknown },
  options?: Parameters<typeof startTestService>[1],
): Promise<SealedService> {
  const service = await startTestService(t, options)
  const folder = mkdtempSync(join(tmpdir(), 'custodia-sealed-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const verifier = join(folder, 'verifier.mjs')
  writeFileSync(verifier, (await service.request('GET', '/v1/audit/verifier.mjs', { token: null })).text)
  return {
    ...service,
    seal: () => sealAll(service),
    verify: (words, files) => {
      for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
      const { status, stdout, stderr } = spawnSync(process.execPath, [verifier, ...words], { cwd: folder, env: {} })
      return { status, said: `${stdout}${stderr}` }
    },
    vkey: async () => {
      const [first] = (await service.request('GET', '/v1/audit/keys')).data
      return String(first?.vkey)
    },
  }
}
