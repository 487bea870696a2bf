#!/usr/bin/env node
/**
 * Checks what Custodia says about its audit, without Custodia: it needs this file, Node 18 or later, the files to check
 * and a public key that you trust. It opens no connection and writes no file.
 *
 *   node verifier.mjs event <proof.json> --key <key>
 *       one event: the answer of GET /v1/audit-events/{id}/proof
 *   node verifier.mjs export <file.ndjson> --key <key> [--complete]
 *       an export: the answer of GET /v1/audit-events/export.
 *       --complete: nothing may be left out, from the first event of the log to the last that was sealed
 *   node verifier.mjs consistency <file.json> --key <key>
 *   node verifier.mjs consistency <older.note> <newer.note> <file.json> --key <key>
 *       two checkpoints: the answer of GET /v1/audit/consistency, by itself or for two checkpoints that you have kept
 *   node verifier.mjs report <file.json> --key <key>
 *       who saw a person's data: the answer of GET /v1/contacts/{id}/access-report?proofs=true
 *
 * <key> is a line `custodia/<tenant>+<id>+<base64>` or a file that begins with such a line: the first key of the log, or
 * a later one, as you came to know it (GET /v1/audit/keys, the .keys file beside the checkpoints, a letter). A key that
 * followed it is believed because the one before has signed it.
 *
 * Exit code 0 and a sentence that says what was proven; or 1 and what is wrong; or 2 when it was called wrongly.
 *
 * What it stands on: RFC 6962 for the tree (checked as RFC 9162 sections 2.1.3.2 and 2.1.4.2 write it down), Ed25519 by
 * Node's own crypto, c2sp.org/signed-note and c2sp.org/tlog-checkpoint for what is signed.
 */
import { createHash, createPublicKey, verify } from 'node:crypto'
import { closeSync, existsSync, openSync, readFileSync, readSync, realpathSync } from 'node:fs'

/** What was given does not hold. */
export class Failure extends Error {}
class WrongUse extends Error {}

const fail = (what) => {
  throw new Failure(what)
}

// ---- The tree ------------------------------------------------------------------------------------------------------

const sha256 = (...parts) => {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest()
}
const ofLeaf = (text) => sha256(Buffer.from([0]), Buffer.from(text, 'utf8'))
const ofNode = (left, right) => sha256(Buffer.from([1]), left, right)

const isOdd = (n) => n % 2 === 1
const half = (n) => Math.floor(n / 2)

/** RFC 9162 section 2.1.3.2: the root to which a leaf's inclusion proof leads; null when the proof has the wrong length. */
export function rootFromInclusion(leafHash, index, size, proof) {
  if (index >= size) return null
  let fn = index
  let sn = size - 1
  let root = leafHash
  for (const sibling of proof) {
    if (sn === 0) return null
    if (isOdd(fn) || fn === sn) {
      root = ofNode(sibling, root)
      while (!isOdd(fn) && fn !== 0) {
        fn = half(fn)
        sn = half(sn)
      }
    } else root = ofNode(root, sibling)
    fn = half(fn)
    sn = half(sn)
  }
  return sn === 0 ? root : null
}

/** RFC 9162 section 2.1.4.2: the two roots to which a consistency proof leads; null when it has the wrong length. */
export function rootsFromConsistency(from, to, fromRoot, proof) {
  if (from === to) return proof.length === 0 ? [fromRoot, fromRoot] : null
  if (from === 0 || from > to || proof.length === 0) return null
  // A first tree that is a whole power of two is a node of the second one, and its root goes without saying.
  const isWhole = 2 ** Math.round(Math.log2(from)) === from
  const [start, ...rest] = isWhole ? [fromRoot, ...proof] : proof
  let fn = from - 1
  let sn = to - 1
  while (isOdd(fn)) {
    fn = half(fn)
    sn = half(sn)
  }
  let older = start
  let newer = start
  for (const hash of rest) {
    if (sn === 0) return null
    if (isOdd(fn) || fn === sn) {
      older = ofNode(hash, older)
      newer = ofNode(hash, newer)
      while (!isOdd(fn) && fn !== 0) {
        fn = half(fn)
        sn = half(sn)
      }
    } else newer = ofNode(newer, hash)
    fn = half(fn)
    sn = half(sn)
  }
  return sn === 0 ? [older, newer] : null
}

/** A tree that grows to the right, leaf by leaf or by whole subtrees: of each complete subtree in it, only the root. */
export class GrowingTree {
  size = 0
  /** From left to right, each smaller than the one before. */
  #roots = []

  /** @param width how many leaves the subtree has: a power of two that divides the size so far */
  add(hash, width) {
    this.size += width
    let last = { hash, width }
    while (this.#roots.at(-1)?.width === last.width)
      last = { hash: ofNode(this.#roots.pop().hash, last.hash), width: 2 * last.width }
    this.#roots.push(last)
  }

  /** How wide a subtree can come next without reaching beyond a place. */
  widthTowards(place) {
    let width = 1
    while (this.size % (2 * width) === 0 && this.size + 2 * width <= place) width *= 2
    return width
  }

  /** Goes on to a place with the roots of the subtrees up to there: all of them, and no more. */
  skipTo(place, hashes) {
    for (const hash of hashes) {
      if (this.size >= place) return false
      this.add(hash, this.widthTowards(place))
    }
    return this.size === place
  }

  copy() {
    const copy = new GrowingTree()
    copy.size = this.size
    copy.#roots = [...this.#roots]
    return copy
  }

  root() {
    return this.#roots.reduceRight((right, { hash }) => (right ? ofNode(hash, right) : hash), null) ?? sha256()
  }
}

// ---- Signed notes, checkpoints and keys ------------------------------------------------------------------------------

const fromBase64 = (text, what) => {
  const bytes = Buffer.from(typeof text === 'string' ? text : '', 'base64')
  // Base64 has one spelling for the same bytes; Node reads others too.
  if (bytes.length === 0 || bytes.toString('base64') !== text) fail(`${what} is not base64`)
  return bytes
}

const hashOf = (text, what) => {
  const bytes = fromBase64(text, what)
  return bytes.length === 32 ? bytes : fail(`${what} is not a hash of 32 bytes`)
}

/** A whole number without leading zeroes, from a text. */
const wholeOf = (text, what) =>
  /^(0|[1-9]\d{0,15})$/.test(text ?? '') && Number.isSafeInteger(Number(text))
    ? Number(text)
    : fail(`${what} is not a whole number`)

/** `name+key id+base64(0x01 || public key)`. The key id is the beginning of a hash of the rest. */
export function readKey(line) {
  const [, name, id, base64] =
    /^([^\s+]+)\+([\da-f]{8})\+([A-Za-z\d+/]{44})$/.exec(line) ?? fail('the key is not of the form name+id+base64')
  const bytes = fromBase64(base64, 'the key')
  if (bytes[0] !== 1) fail('the key is not an Ed25519 key')
  if (sha256(`${name}\n`, bytes).toString('hex').slice(0, 8) !== id) fail('the id of the key is not that of the key')
  const x = bytes.subarray(1).toString('base64url')
  return { name, id, line, publicKey: createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' }) }
}

/** The text of a note and whose signatures stand below it. */
function readNote(note, what) {
  const end = typeof note === 'string' ? note.lastIndexOf('\n\n') : -1
  if (end < 1 || !note.endsWith('\n')) fail(`${what} is not a signed note`)
  const signatures = note
    .slice(end + 2, -1)
    .split('\n')
    .map((line) => {
      const parts = line.split(' ')
      if (parts.length !== 3 || parts[0] !== '—') fail(`${what} has a line among its signatures that is none`)
      const bytes = fromBase64(parts[2], `a signature of ${what}`)
      return { name: parts[1], id: bytes.subarray(0, 4).toString('hex'), bytes: bytes.subarray(4) }
    })
  return { text: note.slice(0, end + 1), signatures }
}

/** The lines of a note that one of these keys has signed, and which; null when none of them says that it did. */
function openNote(note, keys, what) {
  const { text, signatures } = readNote(note, what)
  let by = null
  for (const { name, id, bytes } of signatures) {
    const key = keys.find((one) => one.name === name && one.id === id)
    if (!key) continue
    if (!verify(null, Buffer.from(text), key.publicKey, bytes)) fail(`the signature of ${what} is false`)
    by ??= key
  }
  return by && { by, lines: text.slice(0, -1).split('\n') }
}

/** The keys that a log has had, as far as they are known to be its own. */
export class Keys {
  /** @param trusted the key that was given */
  constructor(trusted) {
    this.trusted = trusted
    /** In their order; the size of the last checkpoint that each may have signed. */
    this.known = [{ ...trusted, generation: null, before: Number.POSITIVE_INFINITY }]
  }

  /** Takes up the keys that followed, each endorsed by the one before it: a list of signed notes, oldest first. */
  follow(endorsements) {
    if (!Array.isArray(endorsements)) fail('the endorsements of the keys are missing')
    for (const [at, note] of endorsements.entries()) {
      const what = `endorsement ${at + 1}`
      const last = this.known.at(-1)
      const opened = openNote(note, [last], what)
      if (!opened) {
        // What came before the key that you trust proves nothing, and is not needed.
        if (this.known.length === 1 && last.generation === null && this.#isBefore(note, what)) continue
        fail(`${what} is not signed by the key before it`)
      }
      const { generation, key, after } = readEndorsement(opened.lines, what)
      if (key.name !== this.trusted.name) fail(`${what} is for a key of another log`)
      if (key.line === last.line) {
        // A first key signs its own.
        if (last.generation !== null || generation !== 1 || after !== 0) fail(`${what} endorses a key once more`)
        last.generation = 1
        continue
      }
      if (last.generation !== null && generation !== last.generation + 1) fail(`${what} is out of turn`)
      last.before = after
      this.known.push({ ...key, generation, before: Number.POSITIVE_INFINITY })
    }
  }

  /** Whether an endorsement is of a key before the trusted one, or of the trusted one itself. */
  #isBefore(note, what) {
    const lines = readNote(note, what).text.slice(0, -1).split('\n')
    const { key, generation } = readEndorsement(lines, what)
    // The first key of all has signed for itself, which could have been checked.
    if (key.line === this.trusted.line && generation === 1) return false
    if (key.line === this.trusted.line) this.known[0].generation = generation
    return key.name === this.trusted.name
  }

  /** A checkpoint, when a known key has signed it, and not beyond its time. */
  checkpoint(note, what = 'the checkpoint') {
    const opened = openNote(note, this.known, what)
    if (!opened) fail(`${what} is not signed by ${this.trusted.line} or a key that it leads to`)
    const [origin, size, root, ...more] = opened.lines
    if (origin !== this.trusted.name) fail(`${what} is of another log: ${origin}`)
    const head = { origin, size: wholeOf(size, `the size of ${what}`), root: hashOf(root, `the root of ${what}`) }
    if (head.size > opened.by.before) fail(`${what} is signed by a key that was no longer in use`)
    return { ...head, time: more.find((line) => line.startsWith('time '))?.slice(5) ?? 'an unnamed time' }
  }
}

/** origin, `signing key <n>`, the key, `after <size of the last checkpoint by earlier keys>`, and what else may follow. */
function readEndorsement([origin, ordinal, line, after], what) {
  const [, generation] = /^signing key (.*)$/.exec(ordinal ?? '') ?? fail(`${what} endorses no key`)
  const [, size] = /^after (.*)$/.exec(after ?? '') ?? fail(`${what} does not say from when on`)
  const key = readKey(line ?? '')
  if (key.name !== origin) fail(`${what} is for a key of another log`)
  return { generation: wholeOf(generation, what), key, after: wholeOf(size, what) }
}

// ---- What is checked -------------------------------------------------------------------------------------------------

/** An object with these members and no others: what is not checked should not be there to be believed. */
function members(value, what, required, optional = []) {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) fail(`${what} is not an object`)
  for (const name of required) if (!(name in value)) fail(`${what} has no ${name}`)
  for (const name of Object.keys(value))
    if (!required.includes(name) && !optional.includes(name)) fail(`${what} has something that it should not: ${name}`)
  return value
}

const json = (text, what) => {
  try {
    return JSON.parse(text)
  } catch {
    return fail(`${what} is not JSON`)
  }
}

const isIndex = (value) => Number.isSafeInteger(value) && value >= 0
const hashesOf = (list, what) =>
  Array.isArray(list) ? list.map((text, i) => hashOf(text, `hash ${i + 1} of ${what}`)) : fail(`${what} is no list`)

/** An event in its sealed form: one line of JSON that names its log. */
function readLeaf(text, origin, what) {
  if (typeof text !== 'string') fail(`${what} is not a text`)
  const leaf = json(text, what)
  if (`custodia/${leaf?.tenantId}` !== origin) fail(`${what} is of another log`)
  if (leaf.v !== 1 || typeof leaf.id !== 'string') fail(`${what} is not the sealed form of an event`)
  return leaf
}

const told = ({ id, occurredAt, actor, action, resource, outcome }) =>
  `event ${id} (${occurredAt}: ${actor?.kind} ${actor?.id ?? ''} ${action} ${resource}, ${outcome})`

/** One event against a signed checkpoint. */
export function checkEvent(text, trusted) {
  const needed = ['eventId', 'leafHash', 'leafIndex', 'treeSize', 'proof', 'checkpoint', 'endorsements']
  const given = members(json(text, 'the proof'), 'the proof', needed, ['leaf'])
  const keys = new Keys(trusted)
  keys.follow(given.endorsements)
  const head = keys.checkpoint(given.checkpoint)
  const event = `event ${given.eventId}`
  if (given.treeSize !== head.size)
    fail(`the proof is for another tree than the checkpoint: its size is not ${head.size}`)
  const leafHash = hashOf(given.leafHash, 'leafHash')
  const leaf = 'leaf' in given ? readLeaf(given.leaf, head.origin, 'the leaf') : null
  if (leaf && leaf.id !== given.eventId) fail(`the leaf is of another event than ${given.eventId}`)
  if (leaf && !ofLeaf(given.leaf).equals(leafHash)) fail(`${event} is not what was sealed: its leaf has another hash`)
  if (!isIndex(given.leafIndex)) fail('leafIndex is not a whole number')
  const root = rootFromInclusion(leafHash, given.leafIndex, head.size, hashesOf(given.proof, 'the proof'))
  if (!root?.equals(head.root)) fail(`${event} is not leaf ${given.leafIndex} of the tree that was signed`)
  const place = `leaf ${given.leafIndex} of ${head.size} in ${head.origin}, signed at ${head.time}`
  return leaf
    ? `OK: ${told(leaf)} is ${place}.`
    : `OK: ${event} is ${place}. What it says was not given, only its hash: nothing is proven of that.`
}

/** Two checkpoints: the second log is the first one, with more at its end. */
export function checkConsistency(text, trusted, kept = []) {
  const given = members(json(text, 'the proof'), 'the proof', ['from', 'to', 'proof', 'endorsements'])
  const keys = new Keys(trusted)
  keys.follow(given.endorsements)
  const [from, to] = ['from', 'to'].map((name, i) => {
    const said = members(given[name], name, ['size', 'checkpoint'])
    const what = `the checkpoint "${name}"`
    const head = keys.checkpoint(kept[i] ?? said.checkpoint, what)
    // The answer's own checkpoint must hold too, though it is not the one that counts.
    if (kept[i] !== undefined) keys.checkpoint(said.checkpoint, `${what} of the proof`)
    if (said.size !== head.size) fail(`the proof is for another tree than ${what}: its size is not ${head.size}`)
    return head
  })
  const roots = rootsFromConsistency(from.size, to.size, from.root, hashesOf(given.proof, 'the proof'))
  if (!roots?.[0].equals(from.root) || !roots[1].equals(to.root))
    fail(`the log of ${to.size} events does not begin with the ${from.size} that were signed at ${from.time}`)
  return `OK: ${to.origin} with ${to.size} events (${to.time}) is the log of ${from.size} events (${from.time}) with ${to.size - from.size} more at its end.`
}

/**
 * An export, line by line. The first line is the checkpoint; then come events in the order of the log, each with the
 * hashes of what lies between it and the one before; and after every few a line with the hashes of all that follows,
 * from which the signed root must come out.
 */
export function checkExport(lines, trusted, mustBeComplete = false) {
  const keys = new Keys(trusted)
  const tree = new GrowingTree()
  let head = null
  let isEnded = false
  const seen = { events: 0, unread: 0, first: null, last: null, gaps: 0, unproven: 0 }
  let number = 0
  let proven = 1
  for (const text of lines) {
    number++
    const what = `line ${number}`
    if (isEnded) fail(`${what}: something follows after the end`)
    const line = json(text, what)
    if (!head) {
      members(line, what, ['checkpoint', 'endorsements'])
      keys.follow(line.endorsements)
      head = keys.checkpoint(line.checkpoint, `the checkpoint in ${what}`)
    } else if ('interrupted' in line) {
      fail(
        `${what}: the export was broken off (${line.interrupted}); ${seen.events - seen.unproven} events before are proven`,
      )
    } else if ('rest' in line) {
      members(line, what, ['events', 'rest'], ['end'])
      const whole = tree.copy()
      if (seen.unproven === 0 && !('end' in line)) fail(`${what} proves nothing`)
      if (line.events !== seen.events) fail(`${what}: ${seen.events} events came before it, not ${line.events}`)
      const isFull = whole.skipTo(head.size, hashesOf(line.rest, `${what}, rest`))
      if (!isFull || !whole.root().equals(head.root))
        fail(`lines ${proven + 1} to ${number}: one of them is not what was sealed (${eventsOf(seen)})`)
      proven = number
      seen.unproven = 0
      if ('end' in line) isEnded = line.end === true || fail(`${what}: "end" is not true`)
    } else addEvent(line, what, head, tree, seen)
  }
  if (!head) fail('the file is empty')
  if (!isEnded) fail(`the export has no end: it was cut off after line ${number}`)
  if (mustBeComplete && (seen.gaps > 0 || seen.events !== head.size))
    fail(`the export is not complete: it has ${seen.events} of ${head.size} events`)
  return summary(head, seen)
}

function addEvent(line, what, head, tree, seen) {
  members(line, what, ['leafIndex'], ['leaf', 'leafHash', 'event', 'skipped'])
  const { leafIndex } = line
  if (!isIndex(leafIndex) || leafIndex < tree.size || leafIndex >= head.size) fail(`${what}: leafIndex is out of turn`)
  const skipped = 'skipped' in line ? hashesOf(line.skipped, `${what}, skipped`) : []
  if (leafIndex > tree.size && seen.events > 0) seen.gaps++
  if (!tree.skipTo(leafIndex, skipped)) fail(`${what}: between it and the line before, events are missing or too many`)
  if ('leaf' in line) {
    if ('leafHash' in line || 'event' in line) fail(`${what} has both a leaf and what stands in its place`)
    const leaf = readLeaf(line.leaf, head.origin, `${what}, leaf`)
    seen.last = { index: leafIndex, id: leaf.id }
    tree.add(ofLeaf(line.leaf), 1)
  } else {
    members(line.event, `${what}, event`, ['id'], Object.keys(line.event ?? {}))
    seen.unread++
    seen.last = { index: leafIndex, id: line.event.id }
    tree.add(hashOf(line.leafHash, `${what}, leafHash`), 1)
  }
  if (seen.unproven === 0) seen.from = seen.last
  seen.first ??= seen.last
  seen.events++
  seen.unproven++
}

const eventsOf = (seen) =>
  seen.unproven === 0 ? 'no event among them' : `from event ${seen.from.id} to event ${seen.last.id}`

function summary(head, seen) {
  const log = `${head.origin}, ${head.size} events signed at ${head.time}`
  if (seen.events === 0) return `OK: no event, of ${log}.`
  const span = `leaves ${seen.first.index} to ${seen.last.index}`
  const missing = seen.last.index - seen.first.index + 1 - seen.events
  const between =
    missing === 0 ? 'none between them is missing' : `${missing} between them were left out, in ${seen.gaps} places`
  const unread =
    seen.unread === 0 ? '' : ` Of ${seen.unread} only the hash was given: nothing is proven of what they say.`
  return `OK: ${seen.events} events, ${span} of ${log}; ${between}.${unread}`
}

/**
 * Who saw a person's data: that each event of the report stands in the log, at its own place. What the events say is
 * proven by the proof of each of them, for whoever may read it: here, only the hash of its sealed form is given.
 */
export function checkReport(text, trusted) {
  const given = json(text, 'the report')
  const needed = ['contactId', 'summary', 'events', 'checkpoint', 'endorsements', 'nextCursor']
  members(given, 'the report', needed, Object.keys(given ?? {}))
  const keys = new Keys(trusted)
  keys.follow(given.endorsements)
  const head = keys.checkpoint(given.checkpoint)
  if (!Array.isArray(given.events)) fail('the events are no list')
  const seen = { ids: new Set(), places: new Set(), unsealed: 0 }
  for (const [at, event] of given.events.entries()) {
    members(event, `event ${at + 1}`, ['eventId', 'sealed'], Object.keys(event ?? {}))
    const what = `event ${event.eventId}`
    if (seen.ids.has(event.eventId)) fail(`${what} is there twice`)
    seen.ids.add(event.eventId)
    // Written after the checkpoint, or seconds before it.
    if (event.sealed === null || event.sealed.leafIndex >= head.size) {
      seen.unsealed++
      continue
    }
    members(event.sealed, `${what}, sealed`, ['leafIndex', 'leafHash', 'proof'], ['checkpoint'])
    const { leafIndex, leafHash, proof } = event.sealed
    if (!isIndex(leafIndex)) fail(`${what}: leafIndex is not a whole number`)
    if (seen.places.has(leafIndex)) fail(`${what} stands at the place of another`)
    seen.places.add(leafIndex)
    const root = rootFromInclusion(hashOf(leafHash, `${what}, leafHash`), leafIndex, head.size, hashesOf(proof, what))
    if (!root?.equals(head.root)) fail(`${what} is not leaf ${leafIndex} of the tree that was signed`)
  }
  const all = given.summary?.events
  const isWhole = given.nextCursor === null && seen.ids.size === all
  const rest =
    seen.unsealed === 0 ? '' : ` ${seen.unsealed} are not sealed under it yet, and nothing is proven of them.`
  return `OK: ${seen.places.size} events about ${given.contactId} stand in ${head.origin}, ${head.size} events signed at ${head.time}${isWhole ? '' : `; the report has ${all} in all`}.${rest} Of what they say only the hashes were given: ask for the proof of an event to see it proven word for word.`
}

// ---- The command -----------------------------------------------------------------------------------------------------

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function textOf(bytes, what) {
  try {
    return utf8.decode(bytes)
  } catch {
    return fail(`${what} is not UTF-8`)
  }
}

function existing(path) {
  if (!existsSync(path)) throw new WrongUse(`there is no file ${path}`)
  return path
}

const readText = (path) => textOf(readFileSync(existing(path)), path)

/** The lines of a file that may be larger than memory. */
function* linesOf(path) {
  const file = openSync(existing(path), 'r')
  try {
    const piece = Buffer.alloc(1 << 20)
    let rest = Buffer.alloc(0)
    let number = 0
    for (let read = readSync(file, piece); read > 0; read = readSync(file, piece)) {
      rest = Buffer.concat([rest, piece.subarray(0, read)])
      for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10)) {
        yield textOf(rest.subarray(0, end), `line ${++number}`)
        rest = rest.subarray(end + 1)
      }
    }
    if (rest.length > 0) fail(`line ${number + 1} has no end: the file was cut off`)
  } finally {
    closeSync(file)
  }
}

/** A key as it was given: itself, or the first line of a file. */
function givenKey(given) {
  if (given === undefined) throw new WrongUse('a key that you trust is needed: --key <key or file>')
  if (!existsSync(given)) return readKey(given)
  const lines = readText(given).split('\n')
  return readKey(lines.length > 1 ? lines[0] : fail('the file of the key has no whole line'))
}

function run(words) {
  const [command, ...rest] = words
  const at = rest.indexOf('--key')
  const key = at < 0 ? undefined : rest.splice(at, 2)[1]
  const flag = rest.indexOf('--complete')
  const isComplete = flag >= 0 && rest.splice(flag, 1).length === 1
  if (rest.some((word) => word.startsWith('--')) || (isComplete && command !== 'export'))
    throw new WrongUse('that is no option of it')
  if (command === 'event' && rest.length === 1) return checkEvent(readText(rest[0]), givenKey(key))
  if (command === 'export' && rest.length === 1) return checkExport(linesOf(rest[0]), givenKey(key), isComplete)
  if (command === 'report' && rest.length === 1) return checkReport(readText(rest[0]), givenKey(key))
  if (command === 'consistency' && rest.length === 1) return checkConsistency(readText(rest[0]), givenKey(key))
  if (command === 'consistency' && rest.length === 3)
    return checkConsistency(readText(rest[2]), givenKey(key), rest.slice(0, 2).map(readText))
  throw new WrongUse(
    'say: event <file>, export <file>, report <file>, or consistency <file>, and --key <key>; the file begins with how',
  )
}

/** @returns the exit code and what to print */
export function main(words) {
  try {
    return [0, run(words)]
  } catch (error) {
    if (error instanceof WrongUse) return [2, error.message]
    if (error instanceof Failure) return [1, `FALSE: ${error.message}.`]
    throw error
  }
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === realpathSync(new URL(import.meta.url))) {
  const [code, text] = main(process.argv.slice(2))
  console[code === 0 ? 'log' : 'error'](text)
  process.exitCode = code
}
