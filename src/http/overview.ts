import { catalogue } from '../errors.ts'

const rows = Object.entries(catalogue).map(([code, [status, text]]) => `| ${status} | \`${code}\` | ${text} |`)

/** All errors as a Markdown table. */
export const errorTable = `| status | code | meaning |
|---|---|---|
${rows.join('\n')}`

/** What holds for the whole API, in Markdown: the head of the OpenAPI document. */
export const overview = `One API that takes in what customers say on every channel, keeps one contact and one history per
person, shows each member only the fields that their role allows, and writes an audit event in the same transaction as
every read or write.

## Logging in
\`POST /v1/sessions\` with an email and a password answers an access token of some minutes and a refresh token, which
works once. Programs use an API key instead. Either goes into \`Authorization: Bearer …\`.

## What you see
Fields that you may not see are absent. Fields that you see masked keep their shape (\`+49••••••••34\`,
\`a•••@example.com\`), so that text then keeps its type but not its format, or are left out; \`maskedFields\` names them
all. Records out of your scope answer 404, the same as records that do not exist. Answers may gain members and
enumerations may gain values: ignore what you do not know.

## Lists
A page has \`data\` and \`nextCursor\`, which goes into \`cursor\` for the next page; it belongs to the same question by the
same principal. \`?field=value\` and \`?field[op]=value\` filter, \`sort=field\` and \`sort=-field\` sort, \`q\` searches where a
noun can be searched, \`include\` answers related records together. \`POST …/search\` asks the same by body, so that personal
data need not stand in URLs; a condition there is at most 8 levels deep and has at most 200 parts.

## Changing
\`PATCH\` is a JSON merge patch (RFC 7396). Unknown members of a body are refused. Text is well-formed Unicode without NUL.
With \`If-Match\` a change happens only when the record is still what you saw. \`DELETE\` moves to the trash, from which
\`POST …/restore\` brings back. With an \`Idempotency-Key\`, a POST may be repeated safely for 24 hours.

## Errors
Errors are \`application/problem+json\` (RFC 9457). Program against \`code\`; \`type\` is the same as a URN, so that it does not
depend on where an installation lives. Whatever the request, it may also meet \`route_not_found\` (404) and
\`method_not_allowed\` (405, with \`Allow\`). The schema \`Problem\` lists all codes.
`
