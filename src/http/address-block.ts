import { isIPv6 } from 'node:net'

/**
 * Whom an address counts as, where requests are counted: an IPv4 address by itself; of IPv6 the /64, which is what one
 * line is given at least (RFC 6177) and within which it takes as many addresses as it likes. What is no IP address
 * counts as it is.
 */
export function addressBlock(ip: string): string {
  const [bare = ''] = ip.split('%')
  if (!isIPv6(bare)) return ip
  const groups = groupsOf(bare)
  const [g6 = 0, g7 = 0] = groups.slice(6)
  const isMapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff
  if (isMapped) return [g6 >> 8, g6 & 255, g7 >> 8, g7 & 255].join('.')
  const net = groups.slice(0, 4).map((group) => group.toString(16))
  return `${net.join(':')}::/64`
}

/** The eight groups of 16 bits; the URL parser has IPv4 in the end written in groups, too. */
function groupsOf(ipv6: string): number[] {
  const text = new URL(`http://[${ipv6}]`).hostname.slice(1, -1)
  const [head = [], tail = []] = text
    .split('::')
    .map((half) => half.split(':').flatMap((group) => (group === '' ? [] : [Number.parseInt(group, 16)])))
  return [...head, ...Array<number>(8 - head.length - tail.length).fill(0), ...tail]
}
