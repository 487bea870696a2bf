import type { IOptions } from 'sanitize-html'

/** Longer ones are shown as text only: the parser is not to be kept busy by them. */
const LENGTH_MAX = 600_000
/** So are those of more tags: what the parser does with tags that are never closed takes the square of their number. */
const TAGS_MAX = 20_000
const NESTING_MAX = 100

const COLOR = /^(?:#[0-9a-f]{3,8}|rgba?\([\d\s.,%]+\)|[a-z]{3,30})$/i
/** Neither below nothing nor beyond a page: so nothing is laid over what stands around the mail. */
const LENGTH = String.raw`(?:(?:1?\d{1,3}|\d{0,3}\.\d{1,6}|\d{1,3}\.\d{0,6})(?:px|pt)?|\d{0,2}(?:\d|\.\d{1,6}|\d\.\d{1,6})(?:em|rem|ex|ch)|(?:100|\d{1,2})(?:\.\d{0,6})?%)`
const SIZE = new RegExp(`^${LENGTH}$`, 'i')
const FONT_SIZE = /^\d{1,3}(?:\.\d{1,6})?%$/
const SIZES = new RegExp(`^(?:${LENGTH}|auto)(?: (?:${LENGTH}|auto)){0,3}$`, 'i')
/** Of attributes that hold a number. */
const MEASURES = ['width', 'height', 'border', 'cellpadding', 'cellspacing']
const MEASURE = /^(?:1?\d{1,3}|(?:100|\d{1,2})(?:\.\d{0,6})?%)(?:px)?$/
/** Relative ones would lead into the program that shows the mail. */
const LINK = /^(?:https?:\/\/|mailto:|tel:)/i
const WORD = /^[a-z-]{2,30}$/i

/** Appearance only: nothing that loads, covers or moves. */
const styles: NonNullable<IOptions['allowedStyles']> = {
  '*': {
    color: [COLOR],
    'background-color': [COLOR],
    'text-align': [WORD],
    'vertical-align': [WORD, SIZE],
    'text-decoration': [WORD],
    'font-size': [SIZE, FONT_SIZE, WORD],
    'font-weight': [WORD, /^\d{3}$/],
    'font-style': [WORD],
    'font-family': [/^[\w\s,'"-]{1,200}$/],
    'line-height': [SIZE, FONT_SIZE, WORD],
    'white-space': [WORD],
    margin: [SIZES],
    padding: [SIZES],
    width: [SIZE],
    'max-width': [SIZE],
    'border-collapse': [WORD],
  },
}

const options: IOptions = {
  allowedTags: [
    ...[
      'a',
      'abbr',
      'address',
      'article',
      'b',
      'bdi',
      'bdo',
      'big',
      'blockquote',
      'br',
      'caption',
      'center',
      'cite',
      'code',
    ],
    ...[
      'col',
      'colgroup',
      'dd',
      'del',
      'details',
      'dfn',
      'div',
      'dl',
      'dt',
      'em',
      'figcaption',
      'figure',
      'font',
      'footer',
    ],
    ...[
      'h1',
      'h2',
      'h3',
      'h4',
      'h5',
      'h6',
      'header',
      'hr',
      'i',
      'img',
      'ins',
      'kbd',
      'li',
      'main',
      'mark',
      'ol',
      'p',
      'pre',
    ],
    ...['q', 'rp', 'rt', 'ruby', 's', 'samp', 'section', 'small', 'span', 'strike', 'strong', 'sub', 'summary', 'sup'],
    ...['table', 'tbody', 'td', 'tfoot', 'th', 'thead', 'time', 'tr', 'tt', 'u', 'ul', 'var', 'wbr'],
  ],
  allowedAttributes: {
    '*': ['style', 'dir', 'lang', 'title', 'align', 'valign', 'bgcolor', 'width', 'height'],
    a: ['href', 'rel', 'target'],
    img: ['src', 'alt', 'data-content-id', 'data-blocked-src'],
    td: ['colspan', 'rowspan'],
    th: ['colspan', 'rowspan', 'scope'],
    table: ['border', 'cellpadding', 'cellspacing'],
    font: ['color', 'face', 'size'],
    ol: ['start', 'type'],
    blockquote: ['type'],
  },
  allowedStyles: styles,
  allowedSchemes: ['http', 'https', 'mailto', 'tel'],
  allowedSchemesByTag: { img: ['cid', 'data'] },
  allowProtocolRelative: false,
  disallowedTagsMode: 'discard',
  nestingLimit: NESTING_MAX,
  parseStyleAttributes: true,
  transformTags: {
    '*': (tagName, attribs) => ({ tagName, attribs: measured(attribs) }),
    a: (tagName, { href = '', ...attribs }) => ({
      tagName,
      attribs: {
        ...attribs,
        ...(LINK.test(href.trim()) ? { href: href.trim() } : {}),
        ...{ rel: 'noopener noreferrer nofollow', target: '_blank' },
      },
    }),
    img: (tagName, { src = '', alt = '', width, height }) => ({
      tagName,
      attribs: {
        ...imageSource(src.trim()),
        alt,
        ...(width === undefined ? {} : { width }),
        ...(height === undefined ? {} : { height }),
      },
    }),
  },
}

/** Without the numbers that are beyond a page. */
function measured(attribs: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(attribs).filter(([name, value]) => !MEASURES.includes(name) || MEASURE.test(value.trim())),
  )
}

/** An image of the mail's own is named by its Content-ID; one on somebody's server would tell them who reads, and when. */
function imageSource(src: string): Record<string, string> {
  const contentId = /^cid:(.{1,500})$/i.exec(src)?.[1]
  if (contentId !== undefined) return { src, 'data-content-id': decoded(contentId) }
  if (/^data:image\/(?:png|jpe?g|gif|webp);base64,[A-Za-z0-9+/=\s]*$/i.test(src)) return { src }
  return /^https?:/i.test(src) ? { 'data-blocked-src': src } : {}
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/**
 * HTML that may be shown: no scripts, no forms, no styles that load or cover, links that tell nobody where they were
 * followed from; remote images only by `data-blocked-src`, the mail's own by `data-content-id`.
 * @returns undefined where it is too long, or of too many tags
 */
export async function safeHtml(html: string): Promise<string | undefined> {
  if (html.length > LENGTH_MAX || html.split('<', TAGS_MAX + 2).length > TAGS_MAX + 1) return undefined
  const { default: sanitize } = await import('sanitize-html')
  try {
    return sanitize(html, options).trim()
  } catch {
    // Its parser is not ours to trust: then the text is shown.
    return undefined
  }
}
