import autocannon from 'autocannon'

export interface BenchRequest {
  method: 'GET' | 'PATCH' | 'POST'
  path: string
  headers: Record<string, string>
  body?: string
  /** A text in the body that must be another one each time, with the secret by which the body is signed. */
  unique?: { text: string; secret: string }
  /** A text in the body that becomes a number, another one each time: what changes nothing costs less. */
  counted?: string
}

let count = 0

export interface Figures {
  perSecond: number
  p50Ms: number
  p99Ms: number
  errors: number
}

/** Loads one server for a while; errors are answers other than 2xx, and broken connections. */
export async function load(
  port: number,
  requests: readonly BenchRequest[],
  connections: number,
  seconds: number,
): Promise<Figures> {
  const { signed } = await import('./webhook.ts')
  const all = requests.map((request) => ({
    method: request.method,
    path: request.path,
    headers: request.headers,
    ...(request.body === undefined ? {} : { body: request.body }),
    ...(request.unique ? { setupRequest: (one: autocannon.Request) => signed(one, request) } : {}),
    ...(request.counted ? { setupRequest: (one: autocannon.Request) => counted(one, request) } : {}),
  }))
  let clients = 0
  const result = await autocannon({
    url: `http://127.0.0.1:${port}`,
    connections,
    duration: seconds,
    requests: all,
    // Each begins elsewhere: all at the same record at the same time would measure how they wait for its lock.
    setupClient: (client) => {
      const first = Math.floor((clients++ * all.length) / connections)
      client.setRequests([...all.slice(first), ...all.slice(0, first)])
    },
  })
  return {
    perSecond: result.requests.average,
    p50Ms: result.latency.p50,
    p99Ms: result.latency.p99,
    errors: result.errors + result.non2xx,
  }
}

function counted(one: autocannon.Request, { body = '', counted = '' }: BenchRequest): autocannon.Request {
  return { ...one, body: body.replace(counted, String(count++)) }
}
