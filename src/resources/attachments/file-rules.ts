/** Which files are kept and which are not, as data. The judge that applies it stands in file-kind.ts. */

/** Why a file is not kept; stable, answered and stored. */
export type FileRefusal =
  /** Runs on somebody's machine: a program, an installer, a disk image. */
  | 'executable'
  /** Source text that a machine runs. */
  | 'script'
  /** A page or drawing that can carry scripts. */
  | 'active_content'
  /** The content is not what was declared. */
  | 'type_mismatch'
  | 'empty'
  | 'too_large'

/** Media types that are refused, whether found in the content or declared. */
export const refusedTypes: ReadonlyMap<string, FileRefusal> = new Map([
  ...each('executable', [
    'application/java-archive',
    'application/java-vm',
    'application/vnd.android.package-archive',
    'application/vnd.microsoft.portable-executable',
    'application/vnd.ms-cab-compressed',
    'application/vnd.ms-htmlhelp',
    'application/wasm',
    'application/x-apple-diskimage',
    'application/x-asar',
    'application/x-deb',
    'application/x-dosexec',
    'application/x-elf',
    'application/x-executable',
    'application/x-ft-apple.alias',
    'application/x-ft-windows-registry-hive',
    'application/x-google-chrome-extension',
    'application/x-iso9660-image',
    'application/x-mach-binary',
    'application/x-ms-regedit',
    'application/x-ms-shortcut',
    'application/x-msdos-program',
    'application/x-msdownload',
    'application/x-msi',
    'application/x-rpm',
    'application/x-sharedlib',
    'application/x-shockwave-flash',
    'application/x-xpinstall',
  ]),
  ...each('script', [
    'application/ecmascript',
    'application/hta',
    'application/javascript',
    'application/x-bat',
    'application/x-csh',
    'application/x-httpd-php',
    'application/x-javascript',
    'application/x-php',
    'application/x-powershell',
    'application/x-sh',
    'text/ecmascript',
    'text/javascript',
    'text/vbscript',
    'text/x-php',
    'text/x-shellscript',
  ]),
  ...each('active_content', [
    'application/mhtml',
    'application/x-mimearchive',
    'application/xhtml+xml',
    'application/xslt+xml',
    'image/svg+xml',
    'image/svg+xml-compressed',
    'multipart/related',
    'multipart/x-mixed-replace',
    'text/html',
    'text/xsl',
  ]),
])

/** Endings of file names that are refused: by these an operating system decides what to do with a file. */
export const refusedEndings: ReadonlyMap<string, FileRefusal> = new Map([
  ...each(
    'executable',
    'apk app appimage cab chm com cpl crx deb dll dmg drv exe gadget img inf iso jar jnlp lnk msc msi msp mst pif pkg reg rpm scf scr sys url vhd vhdx xpi'.split(
      ' ',
    ),
  ),
  ...each(
    'script',
    'applescript bash bat cmd command csh hta js jse mjs ps1 ps1xml ps2 psc1 psd1 psm1 sh vb vbe vbs workflow ws wsc wsf wsh php phtml'.split(
      ' ',
    ),
  ),
  ...each('active_content', 'htm html mht mhtml shtml svg svgz swf xht xhtml xsl xslt'.split(' ')),
])

/** How text begins that a browser or a shell would run. After white space, byte order mark and comments. */
export const refusedBeginnings: readonly { begins: RegExp; refusal: FileRefusal }[] = [
  { begins: /^#!/, refusal: 'script' },
  { begins: /^<\?php|^<%/i, refusal: 'script' },
  {
    // The tags by which browsers take text for HTML (WHATWG MIME Sniffing §7.1).
    begins:
      /^<(?:!doctype\s+html|html|head|body|script|iframe|h1|div|font|table|a|style|title|b|br|p|svg|math|object|embed|meta|link|img|form)(?=[\s>/]|$)/i,
    refusal: 'active_content',
  },
]

/** In XML these make it a page or a drawing, wherever they stand. */
export const activeXml =
  /<(?:[\w.-]+:)?(?:html|svg|script|stylesheet|transform)(?=[\s>/])|<\?xml-stylesheet|http:\/\/www\.w3\.org\/(?:1999\/xhtml|2000\/svg|1999\/XSL)/i

/** Containers, with the declared types that they confirm although the content alone does not tell them. */
export const containers: ReadonlyMap<string, RegExp> = new Map([
  [
    'application/zip',
    /^application\/(?:vnd\.(?:openxmlformats-officedocument|oasis\.opendocument|ms-|apple\.|google-earth\.kmz|etsi\.asic)|epub\+zip)/,
  ],
  ['application/x-cfb', /^application\/(?:msword|msexcel|mspowerpoint|vnd\.ms-|vnd\.visio)/],
  ['application/xml', /^(?:application|text)\/(?:[\w.-]+\+)?xml$/],
  ['application/gzip', /^application\/(?:x-)?(?:tgz|gtar|tar\+gzip|compressed-tar)$/],
  ['application/x-sqlite3', /^application\/vnd\.sqlite3$/],
])

/** Kinds of content that stand for each other: who declares one and sends another has not lied. */
export const families: readonly RegExp[] = [
  /^image\//,
  /^(?:audio|video)\/|^application\/(?:ogg|mxf|vnd\.ms-asf|vnd\.rn-realmedia)$/,
  /^font\/|^application\/(?:x-)?font-/,
  /^text\/|^application\/(?:rtf|json|xml)$/,
  /^application\/(?:postscript|eps)$/,
  /^application\/(?:vnd\.openxmlformats-officedocument|vnd\.ms-)/,
  /^application\/(?:x-|vnd\.)?(?:7z|arj|bzip2?|compress|cpio|gzip|lz4|lzip|lzh|rar|tar|xz|zip|zstd)(?:-compressed)?$/,
]

/** Types that say nothing of the content. */
export const unsaid: ReadonlySet<string> = new Set([
  'application/octet-stream',
  'binary/octet-stream',
  'application/x-download',
  'application/force-download',
  // What a part of a multipart body is called when its sender gives no type (RFC 7578 §4.4).
  'text/plain',
])

/** Types of text: content without a signature is kept under them. */
export const textTypes =
  /^(?:text\/[\w.+-]+|message\/rfc822|model\/(?:obj|step|stl|iges)|application\/(?:json|[\w.-]+\+json|x-ndjson|jsonl|rtf|yaml|x-yaml|toml|xml|[\w.-]+\+xml|csv|pgp-\w+|x-subrip))$/

/** What may be shown in the page instead of saved: nothing of it can carry scripts. */
export const inlineTypes: ReadonlySet<string> = new Set([
  'application/pdf',
  'audio/aac',
  'audio/amr',
  'audio/flac',
  'audio/mp4',
  'audio/mpeg',
  'audio/ogg',
  'audio/wav',
  'audio/x-m4a',
  'image/apng',
  'image/avif',
  'image/bmp',
  'image/gif',
  'image/heic',
  'image/heif',
  'image/jpeg',
  'image/png',
  'image/webp',
  'video/3gpp',
  'video/3gpp2',
  'video/mp4',
  'video/ogg',
  'video/quicktime',
  'video/webm',
])

function each(refusal: FileRefusal, names: readonly string[]): [string, FileRefusal][] {
  return names.map((name) => [name, refusal])
}
