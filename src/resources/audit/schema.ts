import { z } from 'zod'
import { idOf, time } from '../../access/define.ts'
import { described } from '../../http/schema.ts'

const hash = (description: string) =>
  z.string().meta({ description, example: 'CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=' })
const tenant = 'custodia/01a202d7-05ad-78ba-911f-183f11be662b'
const vkey = `${tenant}+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW`
const signature = `— ${tenant} x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n`

const noteText = z.string().meta({
  description: 'The signed note (c2sp.org/tlog-checkpoint): log, size, root hash, when, and the signature over them.',
  example: `${tenant}\n120312\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\ntime 2026-11-22T15:04:05.123Z\n\n${signature}`,
})
const endorsement = z.string().meta({
  description: 'A signed note by which the key before vouches for a key; the first key does so for itself.',
  example: `${tenant}\nsigning key 2\n${vkey}\nafter 120312\n\n${signature}`,
})
const endorsements = z
  .array(endorsement)
  .meta({ description: 'The keys of the log, from the first one on: whoever trusts one can follow to the next.' })
const proof = z.array(hash('A hash.')).meta({ description: 'Hashes in base64, in the order of RFC 6962.', example: [] })
const size = z.int().min(1).meta({ description: 'How many events are sealed by it.', example: 120_312 })

export const checkpoint = z
  .object({
    size,
    rootHash: hash('The root of the Merkle tree (RFC 6962) over them, in base64.'),
    keyGeneration: z.int().meta({ description: 'Which of the log’s keys signed it.', example: 1 }),
    madeAt: time('When it was made.'),
    note: noteText,
  })
  .meta({ id: 'Checkpoint', description: 'A signed root over the audit events sealed so far.' })

const nextCursor = z
  .string()
  .nullable()
  .meta({ description: 'Where the next page begins, for `cursor`; null on the last page.', example: null })

export const checkpointPage = z
  .object({ data: z.array(checkpoint).meta({ description: 'The checkpoints of this page.' }), nextCursor })
  .meta({ id: 'CheckpointPage', description: 'A page of checkpoints, the newest first.' })

/** A whole number in a URL; read again, it stays what it is. */
const numeral = (digitsMax: number) =>
  z.coerce
    .string()
    .regex(new RegExp(`^[1-9]\\d{0,${digitsMax - 1}}$`))
    .transform(Number)

const cursor = z
  .string()
  .min(1)
  .max(4000)
  .optional()
  .meta({ description: 'The `nextCursor` of the page before.', example: 'Zm9yIHRoZSBuZXh0IHBhZ2U' })

export const checkpointParameters = described(
  () =>
    z.strictObject({
      limit: z
        .int()
        .min(1)
        .max(200)
        .default(25)
        .meta({ description: 'How many checkpoints a page holds at most.', example: 25 }),
      cursor,
    }),
  z.strictObject({ limit: numeral(3).pipe(z.int().max(200)).default(25), cursor }),
)

export const signingKey = z
  .object({
    generation: z.int().meta({ description: '1 for the first key, one more for each that followed.', example: 1 }),
    vkey: z.string().meta({
      description: 'The public key as the verifier takes it: `name+key id+base64` (c2sp.org/signed-note).',
      example: vkey,
    }),
    endorsement,
    madeAt: time('Since when it signs.'),
  })
  .meta({ id: 'SigningKey', description: 'A key that signs checkpoints.' })

export const keyPage = z
  .object({ data: z.array(signingKey).meta({ description: 'All keys, the first one first.' }), nextCursor })
  .meta({ id: 'SigningKeyPage', description: 'The keys that have signed checkpoints.' })

const sizeOf = (description: string) => z.int().min(1).max(999_999_999_999_999).meta({ description, example: 120_312 })

export const consistencyParameters = described(
  () =>
    z.strictObject({
      from: sizeOf('The size of the earlier checkpoint.'),
      to: sizeOf('The size of the later one; left out: the newest.').optional(),
    }),
  z.strictObject({ from: numeral(15), to: numeral(15).optional() }),
)

const sealedSize = z
  .object({ size, checkpoint: noteText })
  .meta({ id: 'SealedSize', description: 'A checkpoint and its size.' })

export const consistency = z
  .object({
    from: sealedSize,
    to: sealedSize,
    proof,
    endorsements,
  })
  .meta({ id: 'Consistency', description: 'That a later log begins with an earlier one: nothing in it was changed.' })

export const eventProof = z
  .object({
    eventId: idOf('The event.'),
    leaf: z.string().optional().meta({
      description: 'The event in its sealed form, one line of JSON. Absent unless you may read every field of it.',
      example: '{"v":1,"tenantId":"01a202d7-05ad-78ba-911f-183f11be662b","id":"0199f3a2-7c10-7a44-9d55-0d1f3b6c2a11"}',
    }),
    leafHash: hash(
      'SHA-256 of a zero byte and the sealed form, in base64. The sealed form holds a random salt: from the hash alone, nothing in it can be found by trying.',
    ),
    leafIndex: z.int().meta({ description: 'Its place in the log, from 0 on.', example: 17 }),
    treeSize: size,
    proof,
    checkpoint: noteText,
    endorsements,
  })
  .meta({ id: 'EventProof', description: 'That an event is in the log, as it was sealed.' })
