import autocannon from 'autocannon'

export interface BenchRequest {
  method: 'GET' | 'PATCH' | 'POST'
  path: string
  headers: Record<string, string>
  body?: string
  /** A text in the body that must be another one each time, with the secret by which the body is signed. */
  unique?: { text: string; secret: string }
}

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
  const result = await autocannon({
    url: `http://127.0.0.1:${port}`,
    connections,
    duration: seconds,
    requests: requests.map((request) => ({
      method: request.method,
      path: request.path,
      headers: request.headers,
      ...(request.body === undefined ? {} : { body: request.body }),
      ...(request.unique ? { setupRequest: (one: autocannon.Request) => signed(one, request) } : {}),
    })),
  })
  return {
    perSecond: result.requests.average,
    p50Ms: result.latency.p50,
    p99Ms: result.latency.p99,
    errors: result.errors + result.non2xx,
  }
}
