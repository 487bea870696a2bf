import { type JsonValue, textAt } from '../json.ts'

/** Where SES has put a mail that its notification tells of. */
export interface MailPlace {
  bucket: string
  /** of the object, with the prefix of the rule */
  key: string
}

/** Source: AWS, "Contents of notifications for Amazon SES email receiving", action object. undefined: in no bucket. */
export function mailPlace(notification: JsonValue): MailPlace | undefined {
  const bucket = textAt(notification, 'receipt', 'action', 'bucketName')
  const key = textAt(notification, 'receipt', 'action', 'objectKey')
  return bucket === undefined || key === undefined ? undefined : { bucket, key }
}
