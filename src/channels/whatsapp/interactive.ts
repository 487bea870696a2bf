import { camelCased, isObject, type JsonObject, type JsonValue, objectAt, parseJson, textAt } from '../json.ts'

/** What somebody chose or filled in. `content.kind` is the provider's word for it. */
export interface Interactive {
  content: JsonObject
  text: string
}

/** @returns undefined when there is nothing in it (Meta then puts an error beside it) */
export function interactiveBody(body: JsonObject): Interactive | undefined {
  const kind = textAt(body, 'type') ?? Object.keys(body).find((key) => isObject(body[key]))
  if (kind === undefined) return undefined
  const reply = objectAt(body, kind)
  switch (kind) {
    case 'button_reply':
    case 'list_reply':
      return { content: content(kind, reply), text: textAt(reply, 'title') ?? textAt(reply, 'id') ?? `[${kind}]` }
    case 'nfm_reply': {
      const { response_json: response, ...rest } = reply
      const name = textAt(reply, 'name')
      return {
        content: { ...content(kind, rest), response: responseOf(response) },
        text: `[form${name === undefined ? '' : ` ${name}`}] ${textAt(reply, 'body') ?? ''}`.trim(),
      }
    }
    case 'call_permission_reply':
      return { content: content(kind, reply), text: `[call permission] ${textAt(reply, 'response') ?? ''}`.trim() }
    default: {
      const { type: _type, ...rest } = body
      return {
        content: { kind, data: camelCased(rest) },
        text: textAt(reply, 'title') ?? textAt(reply, 'body') ?? `[${kind}]`,
      }
    }
  }
}

function content(kind: string, reply: JsonObject): JsonObject {
  return { ...objectAt({ reply: camelCased(reply) }, 'reply'), kind }
}

/** A form's answers: JSON in a string, not always an object, sometimes not JSON. Its keys are the form's own. */
function responseOf(response: JsonValue | undefined): JsonValue {
  if (typeof response !== 'string') return response ?? null
  return parseJson(Buffer.from(response)) ?? response
}
