import { Pool } from 'undici'
import { Answer } from '../../harness/service.ts'

/** Somebody's requests to a listening service, over connections that are kept. */
export type Ask = (
  token: string | null,
  method: string,
  path: string,
  body?: unknown,
  headers?: Readonly<Record<string, string>>,
) => Promise<Answer>

export function askingAt(t: { teardown(end: () => Promise<void>): unknown }, url: string): Ask {
  const pool = new Pool(url, { connections: 8 })
  t.teardown(() => pool.close())
  return async (token, method, path, body, headers = {}) => {
    const answer = await pool.request({
      method: method as 'GET',
      path,
      headers: {
        ...(token === null ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    const named = Object.entries(answer.headers).map(([name, value]) => [
      name,
      value === undefined ? value : String(value),
    ])
    return new Answer(answer.statusCode, Object.fromEntries(named), await answer.body.text())
  }
}

/** Does something with each, several at a time; the results stand in the order of the list. */
export async function inParallel<T, R>(list: readonly T[], work: (one: T) => Promise<R>, width = 8): Promise<R[]> {
  const results: R[] = []
  let next = 0
  const worker = async (): Promise<void> => {
    for (let i = next++; i < list.length; i = next++) {
      const one = list[i]
      if (one !== undefined) results[i] = await work(one)
    }
  }
  await Promise.all(Array.from({ length: width }, worker))
  return results
}
