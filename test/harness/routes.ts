import type { FastifyInstance } from 'fastify'

export interface Route {
  method: string
  /** With its parameters' names: "/v1/contacts/:id". */
  url: string
}

/**
 * Every route that an app answers, read from the router itself: what a plugin has registered before any hook of ours is
 * in it too.
 */
export function allRoutes(app: FastifyInstance): Route[] {
  const path: string[] = []
  return app
    .printRoutes({ commonPrefix: false })
    .split('\n')
    .flatMap((line) => {
      const [, indent = '', part = '', methods = ''] = /^([│├└─ ]*)(\S+) \(([A-Z, ]+)\)/.exec(line) ?? []
      if (part === '') return []
      // Each level is drawn four characters wide.
      path.length = indent.length / 4 - 1
      path.push(part)
      return methods.split(', ').map((method) => ({ method, url: path.join('') }))
    })
}
