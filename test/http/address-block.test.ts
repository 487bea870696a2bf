import t from 'tap'
import { addressBlock } from '../../src/http/address-block.ts'
import { FixedWindows } from '../../src/http/fixed-windows.ts'

t.test('a line’s addresses count as one: an IPv4 address by itself, of IPv6 its /64', async (t) => {
  for (const [ip, block] of [
    ['203.0.113.7', '203.0.113.7'],
    ['::ffff:203.0.113.7', '203.0.113.7'],
    ['::FFFF:cb00:7107', '203.0.113.7'],
    ['2001:db8:1:2::1', '2001:db8:1:2::/64'],
    ['2001:0DB8:0001:0002:ffff:ffff:ffff:ffff', '2001:db8:1:2::/64'],
    ['2001:db8:1:3::1', '2001:db8:1:3::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['::', '0:0:0:0::/64'],
    ['64:ff9b::203.0.113.7', '64:ff9b:0:0::/64'],
    ['', ''],
    ['no address', 'no address'],
  ] as const)
    t.equal(addressBlock(ip), block, ip)
})

t.test('names that are made up are forgotten when their windows end, and slow nobody', async (t) => {
  const windows = new FixedWindows(1_000)
  const names = 200_000
  const started = Date.now()
  // All at once: before, each name beyond 50,000 had all of them looked through.
  for (let i = 0; i < names; i++) windows.of(`n${i}`, 0).used++
  t.ok(Date.now() - started < 5_000, `${names} names took ${Date.now() - started} ms`)
  t.equal(windows.size, names)
  t.equal(windows.of('n7', 999).used, 1, 'a window counts until it ends')
  t.equal(windows.of('n7', 1_000).used, 0)
  t.equal(windows.size, 1, 'the others are over')
  windows.of('late', 1_500)
  windows.of('n7', 2_000)
  t.equal(windows.size, 2, 'a name that comes again does not keep those before it')
  windows.of('x', 2_500)
  t.equal(windows.size, 2)
})
