import { Agent, request } from 'node:http'
import type { BenchRequest } from './load.ts'
import { signed } from './webhook.ts'

export interface SteadyFigures {
  sent: number
  /** answers other than 2xx, and broken connections */
  failed: number
  /** from when each was due to its answer, in ascending order */
  latenciesMs: number[]
}

/**
 * Posts at a rate, whether earlier posts have been answered or not, as providers do: each in its own time, as many
 * people write who know nothing of each other (a Poisson process). A load generator with a rate of so many a second
 * sends them all in the second's first moments, which is another question.
 */
export async function postSteadily(
  port: number,
  webhook: BenchRequest,
  { perSecond, seconds }: { perSecond: number; seconds: number },
): Promise<SteadyFigures> {
  const agent = new Agent({ keepAlive: true, maxSockets: 50 })
  const figures: SteadyFigures = { sent: 0, failed: 0, latenciesMs: [] }
  const pending = new Set<Promise<void>>()
  const begun = performance.now()
  for (let due = begun; due < begun + seconds * 1_000; due += (-Math.log(1 - Math.random()) / perSecond) * 1_000) {
    const early = due - performance.now()
    if (early > 0) await new Promise((resolve) => setTimeout(resolve, early))
    figures.sent++
    const answered = post(agent, port, webhook).then((isGood) => {
      figures.latenciesMs.push(performance.now() - due)
      if (!isGood) figures.failed++
      pending.delete(answered)
    })
    pending.add(answered)
  }
  await Promise.all(pending)
  agent.destroy()
  figures.latenciesMs.sort((a, b) => a - b)
  return figures
}

function post(agent: Agent, port: number, webhook: BenchRequest): Promise<boolean> {
  const { body, headers } = signed({ body: webhook.body, headers: webhook.headers }, webhook)
  return new Promise((resolve) => {
    const { method, path } = webhook
    const one = request({ agent, host: '127.0.0.1', port, method, path, headers }, (answer) => {
      answer.resume()
      answer.on('end', () => resolve((answer.statusCode ?? 500) < 300))
      answer.on('error', () => resolve(false))
    })
    one.on('error', () => resolve(false))
    one.end(body)
  })
}
