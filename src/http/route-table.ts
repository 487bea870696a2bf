import type { FastifyContextConfig, FastifyInstance, FastifySchema } from 'fastify'

/** A route as it was registered. */
export interface Route {
  method: string
  /** With Fastify's parameters: "/v1/contacts/:id". */
  url: string
  config: FastifyContextConfig
  schema: FastifySchema
}

/** All routes of the service, in the order of their registration: what the document and the answer 405 are made from. */
export class RouteTable {
  readonly #routes: Route[] = []
  #patterns: Map<RegExp, string[]> | null = null

  /** Collects what is registered from here on. */
  constructor(app: FastifyInstance) {
    app.addHook('onRoute', ({ method, url, config, schema }) => {
      this.#patterns = null
      for (const one of [method].flat())
        this.#routes.push({ method: one, url, config: config ?? {}, schema: schema ?? {} })
    })
  }

  get routes(): readonly Route[] {
    return this.#routes
  }

  /** The methods that a path knows; null when no route has the path. */
  methods(path: string): readonly string[] | null {
    this.#patterns ??= this.#compiled()
    for (const [pattern, methods] of this.#patterns) if (pattern.test(path)) return methods
    return null
  }

  #compiled(): Map<RegExp, string[]> {
    const byUrl = Map.groupBy(this.#routes, ({ url }) => url)
    // Fixed paths first: /v1/sessions/current before /v1/sessions/:id.
    const urls = [...byUrl].sort(([a], [b]) => Number(a.includes(':')) - Number(b.includes(':')))
    return new Map(
      urls.map(([url, routes]) => {
        const source = url
          .replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&')
          .replaceAll(/:\w+/g, '[^/]+')
          .replaceAll('*', '.*')
        return [new RegExp(`^${source}$`), [...new Set(routes.map(({ method }) => method)), 'OPTIONS'].sort()]
      }),
    )
  }
}
