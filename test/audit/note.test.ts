import { createPrivateKey, generateKeyPairSync } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import {
  formatCheckpoint,
  formatEndorsement,
  originOf,
  parseCheckpoint,
  parseEndorsement,
} from '../../src/audit/checkpoint-note.ts'
import { formatVkey, openNote, parseNote, parseVkey, publicKeyBytes, signNote } from '../../src/audit/note.ts'
import { sized } from '../harness/size.ts'

/** The examples of Go's golang.org/x/mod/sumdb/note, from which the specification comes. */
const peter = {
  vkey: 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW',
  seed: 'AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz',
}
const enoch = 'EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop'
const text = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
const peterLine =
  '— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n'
const enochLine =
  '— EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n'

const keyOf = (vkey: string) => {
  const key = parseVkey(vkey)
  if (!key) throw new Error('a bad example')
  return key
}

t.test('notes are signed and opened as Go does', async (t) => {
  const seed = Buffer.from(peter.seed, 'base64').subarray(1)
  const pkcs8 = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed])
  const privateKey = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' })
  t.equal(formatVkey('PeterNeumann', publicKeyBytes(privateKey)), peter.vkey)
  t.equal(signNote(text, { name: 'PeterNeumann', privateKey }), `${text}\n${peterLine}`)
  const both = `${text}\n${peterLine}${enochLine}`
  t.same(openNote(both, [keyOf(peter.vkey)]), { text, key: keyOf(peter.vkey) })
  t.same(openNote(both, [keyOf(enoch)]), { text, key: keyOf(enoch) })
  t.equal(openNote(both, []), undefined, 'unknown keys prove nothing')
  t.equal(parseNote(both)?.signatures.length, 2)
})

t.test("the specification's own example is a note", async (t) => {
  const poem = 'Ognuno sta solo sul cuor della terra\ntrafitto da un raggio di sole:\n\ned è subito sera.\n'
  const line =
    '— quasimodo.example/salvatore NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=\n'
  t.equal(parseNote(`${poem}\n${line}`)?.text, poem, 'the last empty line divides')
})

t.test('what Go refuses is refused', async (t) => {
  const keys = [keyOf(peter.vkey)]
  for (const bad of [
    text,
    `${text}\n`,
    `${text}\n${peterLine.slice(0, -1)}`,
    `\u0001${text}\n${peterLine}`,
    `\ud800${text}\n${peterLine}`,
    `${text}\n${peterLine.replace('PeterNeumann', 'Bad Name')}`,
    `${text}\n${peterLine}Unexpected line.\n`,
    `${text}\n${peterLine.repeat(101)}`,
    `${text}\n${peterLine.slice(0, 60)}ABCD${peterLine.slice(60)}`,
    `${text}\n${peterLine.replace('PeterNeumann', 'CarmenSandiego')}`,
    `${text}\n${peterLine.replace('x08g', 'xxxx')}`,
  ]) {
    t.equal(openNote(bad, keys), undefined, JSON.stringify(bad.slice(-60)))
  }
  t.equal(
    openNote(`${text}\n${peterLine}${enochLine.replace('rwz+eBzm', 'rwz+eBzn')}`, [...keys, keyOf(enoch)]),
    undefined,
    'a false signature of a known key spoils the note',
  )
  for (let from = 0; from <= peter.vkey.length; from++) {
    for (let to = from + 1; to <= peter.vkey.length; to++) {
      if (to - from < peter.vkey.length && parseVkey(peter.vkey.slice(from, to))) t.fail('a piece of a vkey')
    }
    const next = String.fromCharCode(peter.vkey.charCodeAt(from) + 1)
    t.equal(parseVkey(peter.vkey.slice(0, from) + next + peter.vkey.slice(from + 1)), undefined)
  }
  t.equal(parseVkey('PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW'), undefined, 'no Ed25519 key')
  const { privateKey } = generateKeyPairSync('ed25519')
  t.throws(() => signNote('no end', { name: 'a', privateKey }), RangeError)
  t.throws(() => signNote('a tab\t\n', { name: 'a', privateKey }), RangeError)
  t.throws(() => signNote('good\n', { name: 'a+b', privateKey }), RangeError)
})

t.test('one bit of a note changed, and no key opens it', async (t) => {
  const { privateKey } = generateKeyPairSync('ed25519')
  const key = keyOf(formatVkey('custodia/a', publicKeyBytes(privateKey)))
  fc.assert(
    fc.property(fc.array(fc.stringMatching(/^[ -~äöü€—]{0,40}$/u), { minLength: 1 }), fc.nat(), (lines, at) => {
      const body = lines.map((line) => `${line}\n`).join('')
      const note = signNote(body, { name: 'custodia/a', privateKey })
      const bytes = Buffer.from(note)
      const bit = at % (bytes.length * 8)
      bytes.writeUInt8(bytes.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3)
      return openNote(note, [key])?.text === body && openNote(bytes.toString('utf8'), [key]) === undefined
    }),
    { numRuns: sized(500, 20_000, 50) },
  )
  t.pass()
})

t.test('a checkpoint and an endorsement have one spelling each, and are never taken for one another', async (t) => {
  const origin = originOf('01a202d7-05ad-78ba-911f-183f11be662b')
  const rootHash = Buffer.from('CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=', 'base64')
  const example = 'example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n'
  t.same(parseCheckpoint(example), { origin: 'example.com/behind-the-sofa', size: 20852163, rootHash, extensions: [] })
  const checkpoint = { origin, size: 120_312, rootHash, extensions: ['time 2026-11-22T15:04:05.123Z'] }
  t.same(parseCheckpoint(formatCheckpoint(checkpoint)), checkpoint)
  for (const bad of [
    '',
    example.slice(0, -1),
    example.replace('20852163', '020852163'),
    example.replace('20852163', '-1'),
    example.replace('20852163', '99999999999999999'),
    example.replace('q2I=', 'q2J='),
    example.replace('q2I=', 'q2I'),
    `${example}\n`,
    example.replace('example.com/behind-the-sofa', ''),
  ]) {
    t.equal(parseCheckpoint(bad), undefined, JSON.stringify(bad))
  }
  const { privateKey } = generateKeyPairSync('ed25519')
  const endorsed = {
    origin,
    generation: 2,
    publicKey: publicKeyBytes(privateKey),
    after: 120_312,
    extensions: ['time 2026-11-22T15:04:05.123Z'],
  }
  const endorsement = formatEndorsement(endorsed)
  const { publicKey, ...rest } = endorsed
  t.same(parseEndorsement(endorsement), { ...rest, key: keyOf(formatVkey(origin, publicKey)) })
  t.equal(parseCheckpoint(endorsement), undefined)
  t.equal(parseEndorsement(formatCheckpoint(checkpoint)), undefined)
  for (const bad of [
    endorsement.replace('key 2', 'key 0'),
    endorsement.replace('key 2', 'key two'),
    endorsement.replace('after 120312', 'after'),
    endorsement.replace(/after .*\n/, ''),
    endorsement.replace('custodia/', 'other/'),
    endorsement.slice(0, -1),
  ]) {
    t.equal(parseEndorsement(bad), undefined, JSON.stringify(bad))
  }
})
