import PostalMime from 'postal-mime'

/** One piece of a mail's body: what it says in either form, as far as it says it itself. */
export interface Body {
  plain?: string
  html?: string
}

/**
 * The mail parser without its own conversion of HTML: that takes the square of an HTML's length, and is run on every
 * mail whose parts are of both kinds. So the pieces of the body are handed on as they are. Only for mails whose nested
 * mails are files (`forceRfc822Attachments`).
 */
export class MailParser extends PostalMime {
  bodies: Body[] = []

  /** Called by the parser in place of its own, at the end, with the pieces in its `textMap`. */
  renderTextContent(): void {
    const pieces: unknown = Reflect.get(this, 'textMap')
    if (!(pieces instanceof Map)) throw new TypeError('the mail parser keeps its texts elsewhere')
    for (const piece of pieces.values()) {
      const [plain, html] = [textsOf(piece, 'plain'), textsOf(piece, 'html')]
      this.bodies.push({ ...(plain === undefined ? {} : { plain }), ...(html === undefined ? {} : { html }) })
    }
  }
}

function textsOf(piece: object, kind: string): string | undefined {
  const all: unknown = Reflect.get(piece, kind)
  if (!Array.isArray(all)) return undefined
  return all.flatMap((one: unknown) => textIn(one) ?? []).join('\n')
}

function textIn(one: unknown): string | undefined {
  const value: unknown = typeof one === 'object' && one !== null ? Reflect.get(one, 'value') : undefined
  return typeof value === 'string' ? value : undefined
}
