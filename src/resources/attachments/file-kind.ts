import { fileTypeFromBuffer, supportedMimeTypes } from 'file-type'
import {
  activeXml,
  containers,
  type FileRefusal,
  families,
  refusedBeginnings,
  refusedEndings,
  refusedTypes,
  textTypes,
  unsaid,
} from './file-rules.ts'

/** How much of a file's beginning is looked at, in bytes. */
export const sampleBytes = 65_536

export interface Claim {
  /** The media type as it was declared; null when none was. */
  mediaType: string | null
  fileName: string | null
  /** Whether a file is refused for what was declared of it; else it is kept as what it is, if that is kept. */
  strict: boolean
}

/**
 * What a file is, by its first bytes where they tell, else by what was declared; or why it is not kept.
 * @param sample the first `sampleBytes` of it, or all
 */
export async function judgeFile(
  sample: Buffer,
  claim: Claim,
): Promise<{ mediaType: string; refusal: null } | { mediaType: null; refusal: FileRefusal }> {
  const refused = (refusal: FileRefusal) => ({ mediaType: null, refusal })
  if (sample.length === 0) return refused('empty')
  const declared = plainType(claim.mediaType)
  const refusedClaim = refusedTypes.get(declared ?? '')
  const byClaim = (claim.strict ? refusedClaim : undefined) ?? refusedEndings.get(endingOf(claim.fileName))
  if (byClaim) return refused(byClaim)
  const said = declared === null || refusedClaim || unsaid.has(declared) ? null : declared
  const found = await signatureOf(sample)
  const byContent = (found && refusedTypes.get(found)) ?? refusedText(sample, found)
  if (byContent) return refused(byContent)
  if (said === null) return { mediaType: found ?? unnamed(sample), refusal: null }
  const agreed = found ? agreement(found, said) : withoutSignature(sample, said)
  if (agreed) return { mediaType: agreed, refusal: null }
  return claim.strict ? refused('type_mismatch') : { mediaType: found ?? unnamed(sample), refusal: null }
}

/** A media type without parameters, in lower case; null when it is none. */
export function plainType(text: string | null): string | null {
  const type = (text ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? ''
  return /^[a-z0-9][\w.+-]{0,62}\/[a-z0-9][\w.+-]{0,126}$/.test(type) ? type : null
}

async function signatureOf(sample: Buffer): Promise<string | null> {
  // Signatures of some formats reach beyond a cut sample; then nothing is found, which is all that may go wrong.
  const found = await fileTypeFromBuffer(sample, { mpegOffsetTolerance: 10 }).catch(() => undefined)
  return plainType(found?.mime ?? null)
}

/** The type on which content and declaration agree: of two right ones the more telling. */
function agreement(found: string, said: string): string | null {
  if (found === said) return found
  if (containers.get(found)?.test(said)) return said
  if (containers.get(said)?.test(found) || families.some((kind) => kind.test(found) && kind.test(said))) return found
  // A format of somebody's own inside a common container.
  return containers.has(found) && said.startsWith('application/') && !hasSignature(said) ? said : null
}

/** A declared type that content without a known signature can be. */
function withoutSignature(sample: Buffer, said: string): string | null {
  if (textTypes.test(said)) return isText(sample) ? said : null
  return hasSignature(said) ? null : said
}

const hasSignature = (type: string): boolean =>
  supportedMimeTypes.has(type) || /^(?:image|audio|video|font)\//.test(type) || type === 'application/x-pdf'

const unnamed = (sample: Buffer): string => (isText(sample) ? 'text/plain' : 'application/octet-stream')

/** Text that something would run. A signature other than XML's says that it is no text. */
function refusedText(sample: Buffer, found: string | null): FileRefusal | undefined {
  if (found !== null && found !== 'application/xml') return undefined
  const text = decoded(sample)
  const beginning = text.replace(/^(?:\s|\uFEFF|<!--[\s\S]*?-->)+/, '')
  const isXml = found === 'application/xml' || /^<(?:\?xml|!doctype)/i.test(beginning)
  if (isXml && activeXml.test(text)) return 'active_content'
  return refusedBeginnings.find((one) => one.begins.test(beginning))?.refusal
}

/** By its byte order mark, else byte by byte: only ASCII is looked for. */
function decoded(sample: Buffer): string {
  if (sample[0] === 0xff && sample[1] === 0xfe) return new TextDecoder('utf-16le').decode(sample)
  if (sample[0] === 0xfe && sample[1] === 0xff) return new TextDecoder('utf-16be').decode(sample)
  return sample.toString(sample[0] === 0xef && sample[1] === 0xbb ? 'utf8' : 'latin1')
}

/** No byte that no text has, in whatever encoding (WHATWG MIME Sniffing §7.2). */
function isText(sample: Buffer): boolean {
  if ((sample[0] === 0xff && sample[1] === 0xfe) || (sample[0] === 0xfe && sample[1] === 0xff)) return true
  return !sample.some(
    (byte) => byte <= 0x08 || byte === 0x0b || (byte >= 0x0e && byte <= 0x1a) || (byte >= 0x1c && byte <= 0x1f),
  )
}

/** Windows ignores dots and spaces at the end of a name. */
function endingOf(fileName: string | null): string {
  const [, ending = ''] = /\.([^.]*)$/.exec((fileName ?? '').toLowerCase().replace(/[.\s]+$/, '')) ?? []
  return ending.trim()
}
