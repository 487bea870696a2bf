import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { noContent } from './schema.ts'

/** Swagger UI's own files, without those that look for something elsewhere. */
const swaggerUi = new URL('static/', import.meta.resolve('@fastify/swagger-ui'))
const files = {
  'swagger-ui.css': 'text/css; charset=utf-8',
  'swagger-ui-bundle.js': 'text/javascript; charset=utf-8',
  'favicon-32x32.png': 'image/png',
} as const

// Addresses are relative to the page, so that it also works behind a proxy that adds a path.
const page = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Custodia API</title>
<link rel="icon" type="image/png" href="docs/favicon-32x32.png">
<link rel="stylesheet" href="docs/swagger-ui.css">
</head>
<body>
<div id="api"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/page.js"></script>
</body>
</html>
`
const script = `SwaggerUIBundle({
  url: 'openapi.json',
  dom_id: '#api',
  deepLinking: true,
  docExpansion: 'none',
  defaultModelsExpandDepth: 0,
  filter: true,
  persistAuthorization: false,
  validatorUrl: null,
})
`

// Whatever the renderer may try, the browser fetches nothing from elsewhere. It sets styles on its elements.
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

/** The contract as a page for people. Nothing of it comes from another machine. */
export function docsRoutes(app: FastifyInstance): void {
  const config = { public: true, hidden: true }
  const schema = { response: { 200: z.string(), 304: noContent } }
  const serve = (path: string, type: string, content: () => Promise<Buffer>): void => {
    app.get(path, {
      config,
      schema,
      handler: async (request, reply) => {
        const bytes = await content()
        const etag = `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 27)}"`
        reply
          .header('etag', etag)
          .header('cache-control', 'public, max-age=3600')
          .header('content-security-policy', policy)
        if (request.headers['if-none-match'] === etag) return reply.code(304).send()
        return reply.type(type).send(bytes)
      },
    })
  }
  serve('/docs', 'text/html; charset=utf-8', async () => Buffer.from(page))
  serve('/docs/page.js', 'text/javascript; charset=utf-8', async () => Buffer.from(script))
  for (const [name, type] of Object.entries(files))
    serve(`/docs/${name}`, type, () => readFile(new URL(name, swaggerUi)))
}
