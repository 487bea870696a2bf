import type { FastifyInstance, InjectOptions } from 'fastify'
import { buildApp } from '../../src/app.ts'
import { openDatabase } from '../../src/start.ts'
import { migrations } from '../harness/database.ts'
import { Answer, type RequestOptions, type TestService } from '../harness/service.ts'

export type Ask = (method: string, path: string, options?: RequestOptions) => Promise<Answer>

/**
 * The same service once more on the same database and keys, with connections and memory of its own: what a second process
 * behind the same address is. It goes when the test has ended.
 */
export async function secondProcess(
  t: { teardown(end: () => Promise<void>): unknown },
  { config, log, ownerToken }: TestService,
): Promise<Ask> {
  const { db } = await openDatabase(config, log, migrations)
  const app = await buildApp({ config, db, log, checkAnswers: true })
  t.teardown(async () => {
    await app.close()
    await db.close()
  })
  return (method, path, options = {}) => inject(app, method, path, { token: ownerToken, ...options })
}

async function inject(
  app: FastifyInstance,
  method: string,
  path: string,
  { body, token, headers = {} }: RequestOptions,
): Promise<Answer> {
  const answer = await app.inject({
    method: method as InjectOptions['method'] & string,
    url: path,
    headers: {
      ...(token ? { authorization: `Bearer ${token}` } : {}),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { payload: JSON.stringify(body) }),
  })
  return new Answer(answer.statusCode, answer.headers as Record<string, string | undefined>, answer.body)
}
