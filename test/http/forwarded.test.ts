import type { IncomingHttpHeaders } from 'node:http'
import t from 'tap'
import { readForwarded } from '../../src/http/forwarded.ts'

const addresses = (headers: IncomingHttpHeaders): unknown => {
  readForwarded(headers)
  return headers['x-forwarded-for']
}

t.test('the hops of a Forwarded header are read in their order', async (t) => {
  t.equal(addresses({ forwarded: 'for=203.0.113.7;proto=https, for="[2001:db8::1]:4711"' }), '203.0.113.7, 2001:db8::1')
  t.equal(addresses({ forwarded: 'proto=https;for=203.0.113.7:8080;by=10.0.0.1' }), '203.0.113.7')
})

t.test('what stands before a hidden hop is not known', async (t) => {
  t.equal(addresses({ forwarded: 'for=203.0.113.7, for=unknown, for=198.51.100.2' }), '198.51.100.2')
  t.equal(addresses({ forwarded: 'for=_hidden' }), undefined)
})

t.test('the older header wins, and without either there is nothing', async (t) => {
  t.equal(addresses({ forwarded: 'for=203.0.113.7', 'x-forwarded-for': '198.51.100.2' }), '198.51.100.2')
  t.equal(addresses({}), undefined)
})
