import { BlockList, isIP } from 'node:net'

/**
 * Addresses that a request on a stranger's behalf must not reach: loopback, private, link-local (cloud
 * metadata), carrier NAT, documentation, multicast, reserved, and every IPv6 form that wraps an IPv4
 * address (mapped, compatible, NAT64, 6to4, Teredo), since the wrapped one could be any of these.
 * Source: IANA special-purpose address registries (RFC 6890 and successors).
 * Two lists, since a BlockList compares IPv4 addresses as mapped IPv6 with IPv6 rules.
 */
const blocked4 = list('ipv4', [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
])
const blocked6 = list('ipv6', [
  '::/96',
  '::ffff:0:0/96',
  '64:ff9b::/96',
  '64:ff9b:1::/48',
  '100::/64',
  '2001::/23',
  '2001:db8::/32',
  '2002::/16',
  '3fff::/20',
  '5f00::/16',
  'fc00::/7',
  'fe80::/10',
  'fec0::/10',
  'ff00::/8',
])

function list(family: 'ipv4' | 'ipv6', networks: string[]): BlockList {
  const blockList = new BlockList()
  for (const network of networks) {
    const [address = '', prefix = ''] = network.split('/')
    blockList.addSubnet(address, Number(prefix), family)
  }
  return blockList
}

/** Whether an IP address is public. Anything that is not an IP address is not. */
export function isPublicAddress(address: string): boolean {
  const [bare = ''] = address.replace(/^\[|\]$/g, '').split('%')
  const family = isIP(bare)
  if (family === 4) return !blocked4.check(bare, 'ipv4')
  if (family === 6) return !blocked6.check(bare, 'ipv6')
  return false
}
