import { createHash } from 'node:crypto'
import t from 'tap'
import { emptyHash, signedHeaders } from '../../src/privacy/aws-signature.ts'

// The examples of AWS's own description: "Signature Calculations for the Authorization Header: Transferring Payload in a
// Single Chunk" in the Amazon S3 API reference.
const key = {
  keyId: 'AKIAIOSFODNN7EXAMPLE',
  secret: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
  region: 'us-east-1',
}
const at = new Date('2013-05-24T00:00:00Z')
const host = 'https://examplebucket.s3.amazonaws.com'
const scope = 'AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request'

t.test('the published examples come out as published', async (t) => {
  const signed = (method: string, path: string, headers: Record<string, string> = {}, bodyHash = emptyHash) =>
    signedHeaders({ method, url: new URL(`${host}${path}`), headers, bodyHash }, key, at)

  t.same(signed('GET', '/test.txt', { range: 'bytes=0-9' }), {
    range: 'bytes=0-9',
    'x-amz-content-sha256': 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    'x-amz-date': '20130524T000000Z',
    authorization: `${scope},SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41`,
  })
  t.equal(
    signed(
      'PUT',
      '/test$file.text',
      { date: 'Fri, 24 May 2013 00:00:00 GMT', 'x-amz-storage-class': 'REDUCED_REDUNDANCY' },
      createHash('sha256').update('Welcome to Amazon S3.').digest('hex'),
    ).authorization,
    `${scope},SignedHeaders=date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class,Signature=98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd`,
  )
  t.equal(
    signed('GET', '/?lifecycle').authorization,
    `${scope},SignedHeaders=host;x-amz-content-sha256;x-amz-date,Signature=fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543`,
  )
  t.equal(
    signed('GET', '/?max-keys=2&prefix=J').authorization,
    `${scope},SignedHeaders=host;x-amz-content-sha256;x-amz-date,Signature=34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7`,
  )
})

t.test('a query is signed in its one form, however it is written', async (t) => {
  const of = (query: string): string | undefined =>
    signedHeaders({ method: 'GET', url: new URL(`${host}/?${query}`), headers: {}, bodyHash: emptyHash }, key, at)
      .authorization
  t.equal(of("b=2&a=%2F+!*'()"), of('a=%2f%20%21%2A%27%28%29&b=2'))
  t.not(of('a=1&b=2'), of('a=2&b=1'))
})
