import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Cells } from './expect.ts'

export const columns = ['read', 'filter', 'sort', 'q', 'create', 'patch', 'back', 'reveal'] as const

/** The block of one record: a line per field; columns that nothing stands in are left out. */
export function block(title: string, cells: ReadonlyMap<string, Cells>): string {
  const used = columns.filter((column) => [...cells.values()].some((one) => one[column]))
  const lines = [
    ['', ...used],
    ...[...cells].map(([field, one]) => [`  ${field}`, ...used.map((column) => one[column] ?? '')]),
  ]
  return `${title}\n${aligned(lines)}`
}

/** Lines of cells as columns of text. */
export function aligned(lines: readonly (readonly string[])[]): string {
  const widths = (lines[0] ?? []).map((_, i) => Math.max(...lines.map((line) => line[i]?.length ?? 0)))
  return lines
    .map(
      (line) =>
        `${line
          .map((cell, i) => cell.padEnd((widths[i] ?? 0) + 2))
          .join('')
          .trimEnd()}\n`,
    )
    .join('')
}

const folder = new URL('../../output/matrix/', import.meta.url)

/** Holds a table against the committed one; UPDATE=1 commits to it anew. Gives back the lines that differ. */
export function compared(name: string, text: string): { missing: string[]; added: string[] } {
  const file = new URL(`${name}.txt`, folder)
  if (process.env.UPDATE) {
    mkdirSync(dirname(file.pathname), { recursive: true })
    writeFileSync(file, text)
  }
  let committed = ''
  try {
    committed = readFileSync(file, 'utf8')
  } catch {
    // There is none yet: everything is new.
  }
  const [before, now] = [committed.split('\n'), text.split('\n')]
  if (committed === text) return { missing: [], added: [] }
  // Lines repeat; with their numbers they are told apart.
  const numbered = (lines: readonly string[]): Set<string> => new Set(lines.map((line, i) => `${i + 1}: ${line}`))
  const [old, fresh] = [numbered(before), numbered(now)]
  return { missing: [...old].filter((line) => !fresh.has(line)), added: [...fresh].filter((line) => !old.has(line)) }
}

/** Committed tables that no actor of the cast has any more; UPDATE=1 removes them. */
export function leftOver(names: readonly string[]): string[] {
  const left = readdirSync(folder).filter((file) => !names.includes(file.replace(/\.txt$/, '')))
  if (process.env.UPDATE) for (const file of left) rmSync(new URL(file, folder))
  return process.env.UPDATE ? [] : left
}
