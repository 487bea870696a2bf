import { type KeyObject, sign } from 'node:crypto'

const node = (tag: number, ...content: Buffer[]): Buffer => {
  const body = Buffer.concat(content)
  const length =
    body.length < 128
      ? [body.length]
      : body.length < 256
        ? [0x81, body.length]
        : [0x82, body.length >> 8, body.length & 255]
  return Buffer.concat([Buffer.from([tag, ...length]), body])
}
const sequence = (...content: Buffer[]): Buffer => node(0x30, ...content)
const oid = (hex: string): Buffer => node(0x06, Buffer.from(hex, 'hex'))
const name = sequence(node(0x31, sequence(oid('550403'), node(0x0c, Buffer.from('sns.amazonaws.com')))))
const time = (text: string): Buffer => node(0x17, Buffer.from(text))

/** A self-signed X.509 certificate (RFC 5280) in PEM, such as a test of signatures needs. */
export function selfSigned(privateKey: KeyObject, publicKey: KeyObject): Buffer {
  const algorithm = sequence(oid('2a864886f70d01010b'), node(0x05))
  const key = publicKey.export({ type: 'spki', format: 'der' })
  const body = sequence(
    node(0xa0, node(0x02, Buffer.from([2]))),
    node(0x02, Buffer.from([1])),
    algorithm,
    name,
    sequence(time('260101000000Z'), time('360101000000Z')),
    name,
    key,
  )
  const signature = node(0x03, Buffer.from([0]), sign('RSA-SHA256', body, privateKey))
  const der = sequence(body, algorithm, signature)
  return Buffer.from(
    `-----BEGIN CERTIFICATE-----\n${der.toString('base64').replaceAll(/.{64}/g, '$&\n')}\n-----END CERTIFICATE-----\n`,
  )
}
