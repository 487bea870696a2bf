import fc from 'fast-check'
import type { FormSettings } from '../../../src/channels/form/settings.ts'
import type { JsonObject, JsonValue } from '../../../src/channels/json.ts'
import { shaped } from '../bodies.ts'
import { bulk, bulkMembers, hostileText } from '../hostile.ts'

export interface FormCase {
  headers: Record<string, string>
  body: Buffer
  settings: FormSettings
}

const anyJson = fc.oneof(
  { weight: 3, arbitrary: hostileText },
  { weight: 1, arbitrary: shaped },
) as fc.Arbitrary<JsonValue>
const fieldName = fc.oneof(
  fc.constantFrom('name', 'your-email', 'E-Mail *', 'phone', 'first_name', 'lastName', 'company', 'land', 'language'),
  fc.constantFrom('timezone', 'newsletter', 'topics[]', 'message', '_t', '_nonce', '_gotcha', '_redirect', '_language'),
  fc.constantFrom('_subject', '_form', '_label.phone', '_charset_', 'formID', 'submissionID', 'pretty', 'rawRequest'),
  hostileText,
)
const fieldValue = fc.oneof(
  fc.constantFrom('Ada', 'ada@example.com', '+49 170 1234567', '0170 1234567', 'DE', 'Österreich', 'on', 'nein', '7'),
  fc.constantFrom('2026-01-01T10:00:00Z', '1790000000.abc', 'https://a.example/x.png', '{"q1_name":{"first":"Ada"}}'),
  hostileText,
)
const fields = fc.oneof(
  { weight: 9, arbitrary: fc.array(fc.tuple(fieldName, fieldValue), { maxLength: 8 }) },
  {
    weight: 1,
    arbitrary: bulkMembers(fieldName, fieldValue as fc.Arbitrary<JsonValue>).map((all) =>
      Object.entries(all).map(([name, value]): [string, string] => [name, String(value)]),
    ),
  },
)

const urlencoded = fc.oneof(
  fields.map((all) => new URLSearchParams(all).toString()),
  fc.array(hostileText, { maxLength: 4 }).map((all) => all.join('&')),
)
const partHead = fc.oneof(
  fc.tuple(fieldName, hostileText).map(([name, file]) => `form-data; name="${name}"; filename="${file}"`),
  fieldName.map((name) => `form-data; name="${name}"`),
  hostileText.map((more) => `form-data; name="a"${more}; filename*=utf-8''${more}`),
)
const partOf = fc
  .tuple(partHead, fc.constantFrom('', 'text/plain; charset=shift_jis', 'image/png', 'x'), fieldValue, fc.boolean())
  .map(
    ([head, type, value, isCoded]) =>
      `--b\r\nContent-Disposition: ${head}\r\n${type === '' ? '' : `Content-Type: ${type}\r\n`}${isCoded ? 'Content-Transfer-Encoding: base64\r\n' : ''}\r\n${value}\r\n`,
  )
const multipart = fc
  .tuple(fc.array(partOf, { maxLength: 5 }), fc.constantFrom('--b--\r\n', '--b', '', '--b\r\n'))
  .map(([parts, end]) => parts.join('') + end)

const answerKind = fc.constantFrom('text', 'email', 'phone_number', 'choices', 'choice', 'boolean', 'file_url', 'odd')
const typeformField = fc.record(
  { id: fieldName, ref: fieldName, title: hostileText, type: answerKind },
  { requiredKeys: [] },
) as fc.Arbitrary<JsonObject>
const typeformAnswer = fc
  .tuple(answerKind, fc.oneof(fieldValue as fc.Arbitrary<JsonValue>, anyJson), typeformField)
  .map(([type, value, field]): JsonValue => ({ type, [type]: value, field }))
const typeform = fc.record(
  {
    event_id: hostileText,
    event_type: fc.constantFrom('form_response', 'form_response_partial', 'É'),
    form_response: fc.record(
      {
        token: hostileText,
        form_id: hostileText,
        submitted_at: fieldValue,
        hidden: fc.oneof(fc.dictionary(fieldName, fieldValue, { maxKeys: 3 }), shaped),
        definition: fc.record({
          title: hostileText,
          fields: fc.oneof(fc.array(typeformField, { maxLength: 4 }), shaped),
        }),
        answers: fc.oneof(
          { weight: 8, arbitrary: fc.array(typeformAnswer, { maxLength: 5 }) },
          { weight: 1, arbitrary: bulk(typeformAnswer) },
          { weight: 1, arbitrary: shaped },
        ),
      },
      { requiredKeys: ['token', 'answers'] },
    ),
  },
  { requiredKeys: ['form_response'] },
)

const option = fc.record({ id: fieldName, text: hostileText })
const tallyField = fc.record(
  {
    key: fieldName,
    label: fieldName,
    type: fc.constantFrom(
      'INPUT_TEXT',
      'INPUT_EMAIL',
      'INPUT_PHONE_NUMBER',
      'CHECKBOXES',
      'FILE_UPLOAD',
      'MATRIX',
      'X',
    ),
    value: fc.oneof(fieldValue, anyJson, fc.array(fieldValue, { maxLength: 3 })),
    options: fc.array(option, { maxLength: 3 }),
    rows: fc.array(option, { maxLength: 2 }),
    columns: fc.array(option, { maxLength: 2 }),
  },
  { requiredKeys: ['key', 'type'] },
) as fc.Arbitrary<JsonValue>
const tally = fc.record(
  {
    eventId: hostileText,
    eventType: fc.constantFrom('FORM_RESPONSE', 'x y'),
    data: fc.record(
      {
        submissionId: hostileText,
        respondentId: hostileText,
        formName: hostileText,
        createdAt: fieldValue,
        fields: fc.oneof(
          { weight: 8, arbitrary: fc.array(tallyField, { maxLength: 5 }) },
          { weight: 1, arbitrary: bulk(tallyField) },
          { weight: 1, arbitrary: shaped },
        ),
      },
      { requiredKeys: ['submissionId', 'fields'] },
    ),
  },
  { requiredKeys: ['data'] },
)

const composed = fc.oneof(
  fc.record({ first: fieldValue, last: fieldValue }),
  fc.record({ full: fieldValue }),
  fc.record({ country: fieldValue, area: fieldValue, phone: fieldValue }),
  fc.record({ year: fieldValue, month: fieldValue, day: fieldValue }),
  fc.array(fieldValue, { maxLength: 3 }),
  fieldValue,
  shaped,
) as fc.Arbitrary<JsonValue>
const questions = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.dictionary(
      fieldName.map((name) => `q1_${name}`),
      composed,
      { maxKeys: 5 },
    ),
  },
  { weight: 1, arbitrary: bulkMembers(fc.constantFrom('q1_', 'upload'), composed) },
)
const jotform = fc.tuple(questions, hostileText, hostileText).map(([raw, pretty, id]) =>
  new URLSearchParams([
    ['formID', '1'],
    ['submissionID', id],
    ['pretty', pretty],
    ['rawRequest', JSON.stringify(raw)],
  ]).toString(),
)

const type = fc.oneof(
  { weight: 8, arbitrary: fc.constant('multipart/form-data; boundary=b') },
  { weight: 1, arbitrary: hostileText.map((word) => `multipart/form-data; boundary=${word}`) },
)
const page = fc.oneof(
  fc.tuple(fc.constant('application/x-www-form-urlencoded'), urlencoded),
  fc.tuple(type, multipart),
  fc.tuple(
    fc.constant('application/json'),
    fields.map((all) => JSON.stringify(Object.fromEntries(all))),
  ),
  fc.tuple(
    fc.constant('application/json'),
    shaped.map((all) => JSON.stringify(all)),
  ),
)
const posted: Record<FormSettings['kind'], fc.Arbitrary<[string, string]>> = {
  html: page,
  typeform: typeform.map((body) => ['application/json', JSON.stringify(body)]),
  tally: tally.map((body) => ['application/json', JSON.stringify(body)]),
  jotform: fc.oneof(
    jotform.map((body): [string, string] => ['application/x-www-form-urlencoded', body]),
    page,
  ),
}

const others = fc.record(
  {
    defaultCountry: fc.constantFrom('DE', 'BR', 'US'),
    fieldMap: fc.constantFrom<NonNullable<FormSettings['fieldMap']>[]>(
      { name: 'customFields.name' },
      { 'your-email': 'consent.marketing', phone: 'ignore' },
    ),
    allowedOrigins: fc.constant<string[]>(['https://a.example']),
    signingSecret: fc.constant('a-secret-of-tests'),
    linksMax: fc.constant(0),
  },
  { requiredKeys: [] },
)

/** What somebody could post to a form of some kind, with its settings. */
export const formCase: fc.Arbitrary<FormCase> = fc
  .tuple(
    fc.constantFrom<FormSettings['kind'][]>('html', 'typeform', 'tally', 'jotform'),
    fc.oneof(fc.constant({}), others),
  )
  .chain(([kind, more]) =>
    fc
      .tuple(posted[kind], fc.oneof(fc.constant('https://a.example/x'), hostileText))
      .map(([[contentType, body], referer]) => ({
        headers: { 'content-type': contentType, referer, accept: 'text/html' },
        body: Buffer.from(body),
        settings: { kind, ...more },
      })),
  )
