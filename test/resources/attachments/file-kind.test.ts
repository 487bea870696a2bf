import { deflateRawSync, gzipSync } from 'node:zlib'
import t from 'tap'
import { type Claim, judgeFile, plainType } from '../../../src/resources/attachments/file-kind.ts'
import { refusedEndings, refusedTypes } from '../../../src/resources/attachments/file-rules.ts'
import { pdf, png } from './fixtures.ts'

const judge = async (bytes: Buffer | string, claim: Partial<Claim> = {}): Promise<string> => {
  const verdict = await judgeFile(Buffer.from(bytes), { mediaType: null, fileName: null, strict: true, ...claim })
  return verdict.refusal ?? verdict.mediaType
}

/** A ZIP archive with one entry, as small as it can be. */
function zip(name: string, text: string): Buffer {
  const data = deflateRawSync(Buffer.from(text))
  const header = Buffer.alloc(30)
  header.writeUInt32LE(0x04034b50, 0)
  header.writeUInt16LE(20, 4)
  header.writeUInt16LE(8, 8)
  header.writeUInt32LE(data.length, 18)
  header.writeUInt32LE(text.length, 22)
  header.writeUInt16LE(name.length, 26)
  return Buffer.concat([header, Buffer.from(name), data])
}

const exe = Buffer.concat([Buffer.from('MZ\x90\0'), Buffer.alloc(300)])
const elf = Buffer.concat([Buffer.from('\x7fELF\x02\x01\x01'), Buffer.alloc(60)])
const jpeg = Buffer.from([0xff, 0xd8, 0xff, 0xe0, 0, 16, 0x4a, 0x46, 0x49, 0x46, 0, 1])

t.test('programs are refused, whatever they are called', async (t) => {
  for (const bytes of [exe, elf]) {
    t.equal(await judge(bytes), 'executable')
    t.equal(await judge(bytes, { mediaType: 'image/png', fileName: 'holiday.png' }), 'executable')
    t.equal(await judge(bytes, { mediaType: 'image/png', strict: false }), 'executable')
    t.equal(await judge(bytes, { mediaType: 'application/octet-stream' }), 'executable')
  }
  t.equal(await judge(Buffer.from('4c0000000114020000000000c000000000000046', 'hex')), 'executable', 'a shortcut')
  t.equal(await judge(Buffer.from('cafebabe0000003d', 'hex')), 'executable', 'Java')
  t.equal(await judge(Buffer.from('0061736d01000000', 'hex')), 'executable', 'WebAssembly')
})

t.test('scripts and pages are refused by what they begin with', async (t) => {
  const utf16 = (text: string): Buffer => Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(text, 'utf16le')])
  const cases: [Buffer | string, string][] = [
    ['#!/bin/sh\nrm -rf /', 'script'],
    ['<?php system($_GET[0]);', 'script'],
    ['<!DOCTYPE html><p>hi', 'active_content'],
    ['\n\t <HTML><script>alert(1)</script>', 'active_content'],
    ['\uFEFF<!-- a comment --> <script src=x></script>', 'active_content'],
    ['<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>', 'active_content'],
    ['<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>', 'active_content'],
    ['<?xml version="1.0"?><!DOCTYPE svg><x:svg xmlns:x="http://www.w3.org/2000/svg"/>', 'active_content'],
    ['<?xml version="1.0"?><a xmlns:h="http://www.w3.org/1999/xhtml"><h:script/></a>', 'active_content'],
    ['<?xml-stylesheet href="x.xsl"?><a/>', 'active_content'],
    [utf16('<!doctype html><script>alert(1)</script>'), 'active_content'],
  ]
  for (const [bytes, refusal] of cases)
    for (const mediaType of [null, 'text/plain', 'image/png', 'application/octet-stream'])
      t.equal(await judge(bytes, { mediaType }), refusal, `${String(bytes).slice(0, 40)} as ${mediaType}`)
})

t.test('every refused type and ending is refused', async (t) => {
  for (const [type, refusal] of refusedTypes)
    t.equal(await judge('hello', { mediaType: type.toUpperCase() }), refusal, type)
  for (const [ending, refusal] of refusedEndings)
    for (const fileName of [`a.${ending}`, `photo.jpg.${ending.toUpperCase()}`, `a.${ending}. `])
      t.equal(await judge('hello', { fileName }), refusal, fileName)
  t.equal(await judge('hello', { fileName: 'exe' }), 'text/plain')
  t.equal(await judge('hello', { fileName: 'a.exe.txt' }), 'text/plain')
})

t.test('the content says what a file is', async (t) => {
  t.equal(await judge(png), 'image/png')
  t.equal(await judge(png, { mediaType: 'application/octet-stream' }), 'image/png')
  t.equal(await judge(pdf(1000), { mediaType: 'application/pdf' }), 'application/pdf')
  t.equal(await judge(jpeg, { mediaType: 'image/jpg' }), 'image/jpeg')
  t.equal(await judge(jpeg, { mediaType: 'image/png' }), 'image/jpeg', 'one image is as good as another')
  t.equal(await judge('a;b\n1;2', { mediaType: 'text/csv; charset=utf-8' }), 'text/csv')
  t.equal(await judge('{"a":1}', { mediaType: 'application/json' }), 'application/json')
  t.equal(await judge('Grüße', { mediaType: null }), 'text/plain')
  t.equal(await judge(png, { mediaType: 'text/plain' }), 'image/png', 'text/plain is what says nothing')
  t.equal(await judge('hello', { mediaType: 'text/plain' }), 'text/plain')
  t.equal(await judge(Buffer.from('Gr\xfc\xdfe', 'latin1'), { mediaType: 'text/plain' }), 'text/plain')
  t.equal(await judge('<?xml version="1.0"?><invoice/>', { mediaType: 'text/xml' }), 'text/xml')
  t.equal(
    await judge(zip('word/document.xml', '<w/>')),
    'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
  )
  const docx = 'application/vnd.openxmlformats-officedocument.wordprocessingml.document'
  t.equal(await judge(zip('hello.txt', 'hello'), { mediaType: docx }), docx)
  t.equal(await judge(zip('a.txt', 'a'), { mediaType: 'application/x-zip-compressed' }), 'application/zip')
  t.equal(await judge(zip('a.txt', 'a'), { mediaType: 'application/vnd.some.app' }), 'application/vnd.some.app')
  t.equal(await judge(gzipSync('hello'), { mediaType: 'application/x-gzip' }), 'application/gzip')
  t.equal(await judge(Buffer.from([0, 1, 2, 3, 250]), { mediaType: 'application/x-own' }), 'application/x-own')
  t.equal(await judge(Buffer.from([0, 1, 2, 3, 250])), 'application/octet-stream')
})

t.test(
  'an upload that is not what it was declared is refused; what a provider sends is kept as what it is',
  async (t) => {
    const cases: [Buffer | string, string, string][] = [
      ['just words', 'image/png', 'text/plain'],
      ['just words', 'application/pdf', 'text/plain'],
      [png, 'application/pdf', 'image/png'],
      [pdf(500), 'image/jpeg', 'application/pdf'],
      [Buffer.from([0, 1, 2, 3]), 'text/csv', 'application/octet-stream'],
      [Buffer.from([0, 1, 2, 3]), 'video/mp4', 'application/octet-stream'],
      [zip('a.txt', 'a'), 'text/csv', 'application/zip'],
    ]
    for (const [bytes, mediaType, found] of cases) {
      t.equal(await judge(bytes, { mediaType }), 'type_mismatch', `${found} as ${mediaType}`)
      t.equal(await judge(bytes, { mediaType, strict: false }), found, `${found} as ${mediaType}, from a provider`)
    }
    t.equal(await judge(png, { mediaType: 'text/html', strict: false }), 'image/png', 'a wrong word of a server')
    t.equal(await judge('<p>hi', { mediaType: 'image/png', strict: false }), 'active_content')
    t.equal(await judge(png, { fileName: 'invoice.exe', strict: false }), 'executable')
  },
)

t.test('an empty file is refused', async (t) => {
  t.equal(await judge(''), 'empty')
})

t.test('a media type is read without its parameters', async (t) => {
  t.equal(plainType('Text/Plain; charset=utf-8'), 'text/plain')
  for (const wrong of ['', 'text', 'text/', '/plain', 'text/plain/x', 'text/pl ain', `a/${'b'.repeat(200)}`, 'a\nb/c'])
    t.equal(plainType(wrong), null, wrong)
  t.equal(plainType(null), null)
})
