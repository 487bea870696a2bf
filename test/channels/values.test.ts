import t from 'tap'
import { isPublicAddress } from '../../src/channels/address.ts'
import { headerOf, retryAfterMs } from '../../src/channels/headers.ts'
import { phoneOf, phoneVariants } from '../../src/channels/phone.ts'
import { timeOf } from '../../src/channels/time.ts'

t.test('a time in seconds, milliseconds, microseconds or ISO is the same instant', async (t) => {
  const iso = '2023-11-14T22:13:20.000Z'
  for (const value of [
    1700000000,
    '1700000000',
    1700000000000,
    '1700000000000',
    1700000000000000,
    '2023-11-14T22:13:20Z',
    '2023-11-14T23:13:20+01:00',
    '2023-11-14T23:13:20+0100',
    '2023-11-14 22:13:20',
    ' 2023-11-14T22:13:20.000z ',
  ])
    t.equal(timeOf(value)?.toISOString(), iso, String(value))
})

t.test('what is not a time is null, never Invalid Date', async (t) => {
  for (const value of [
    0,
    -1,
    '',
    'yesterday',
    'hello 1',
    '2023-13-01',
    true,
    null,
    undefined,
    {},
    1e300,
    Number.NaN,
    '9'.repeat(19),
  ]) {
    t.equal(timeOf(value), null, JSON.stringify(value))
  }
})

t.test('variants of one number are one number', async (t) => {
  t.equal(phoneOf('5215512345678'), '+525512345678', 'Mexico with the old mobile 1')
  t.equal(phoneOf('525512345678'), '+525512345678')
  t.equal(phoneOf('551187654321'), '+5511987654321', 'Brazil without the ninth digit')
  t.equal(phoneOf('551132654321'), '+551132654321', 'a Brazilian landline has no ninth digit')
  t.equal(phoneOf('+49 151 1234 5678'), '+4915112345678')
  t.strictSame(phoneVariants('+5491123456789'), ['+5491123456789', '+541123456789'])
  t.strictSame(phoneVariants('+525512345678'), ['+525512345678', '+5215512345678'])
  t.strictSame(phoneVariants('+5511987654321'), ['+5511987654321', '+551187654321'])
  t.strictSame(phoneVariants('+4915112345678'), ['+4915112345678'])
})

t.test('what is not an international number is no phone', async (t) => {
  for (const text of [
    '',
    '0151 12345678',
    '01511234567',
    'PHONE_NUMBER',
    '+',
    '+1',
    '123',
    'US.1349',
    '9'.repeat(40),
  ]) {
    t.equal(phoneOf(text), undefined, text)
  }
})

t.test('no address of our own network, nor an IPv6 form that wraps one, is public', async (t) => {
  for (const address of [
    '127.0.0.1',
    '127.9.9.9',
    '10.0.0.1',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.1.1',
    '169.254.169.254',
    '100.64.0.1',
    '100.127.255.255',
    '0.0.0.0',
    '224.0.0.1',
    '255.255.255.255',
    '198.18.0.1',
    '::1',
    '::',
    '[::1]',
    'fe80::1',
    'fe80::1%eth0',
    'fc00::1',
    'fd12:3456::1',
    '::ffff:127.0.0.1',
    '::ffff:8.8.8.8',
    '::7f00:1',
    '64:ff9b::7f00:1',
    '2002:7f00:1::',
    '2001::1',
    'ff02::1',
    'example.com',
    '',
    '1.2.3',
  ])
    t.equal(isPublicAddress(address), false, address)
  for (const address of ['8.8.8.8', '172.32.0.1', '100.128.0.1', '2606:4700::1111', '[2a00:1450:4001::1]']) {
    t.equal(isPublicAddress(address), true, address)
  }
})

t.test('Retry-After in seconds or as a date is milliseconds from now, at most a day', async (t) => {
  const now = Date.parse('2026-01-01T00:00:00Z')
  t.equal(retryAfterMs({ 'Retry-After': '7' }, now), 7000)
  t.equal(retryAfterMs({ 'retry-after': 'Thu, 01 Jan 2026 00:00:30 GMT' }, now), 30_000)
  t.equal(retryAfterMs({ 'retry-after': 'Thu, 01 Jan 2032 00:00:00 GMT' }, now), 86_400_000)
  t.equal(retryAfterMs({ 'retry-after': 'Thu, 01 Jan 2015 00:00:00 GMT' }, now), 0)
  t.equal(retryAfterMs({ 'retry-after': 'soon' }, now), undefined)
  t.equal(retryAfterMs({}, now), undefined)
  t.equal(headerOf({ 'X-Hub': ' a ' }, 'x-hub'), 'a')
  t.equal(headerOf({ 'x-hub': ' ' }, 'x-hub'), undefined)
})
