import type { House } from '../house/house.ts'
import type { Question } from '../twins/questions.ts'

/** Requests that are refused, each with a word of somebody else in it: no refusal may tell more than was sent, or keep it. */
export function badQuestions(house: House, words: readonly string[]): Question[] {
  const id = (resource: string): string => house.samples.get(resource)?.get('near') ?? house.missing
  return words.flatMap((word): Question[] => {
    const part = encodeURIComponent(word)
    const contact = `/v1/contacts/${id('contacts')}`
    const headers = { 'idempotency-key': word, 'user-agent': word, 'if-match': word }
    return [
      { method: 'GET', path: `/v1/contacts?sort=${part}` },
      { method: 'GET', path: `/v1/contacts?cursor=${part}` },
      { method: 'GET', path: `/v1/contacts?birthDate[lt]=${part}&q=${part}` },
      { method: 'GET', path: `/v1/conversations?include=${part}` },
      { method: 'GET', path: `/v1/contacts/${part}` },
      { method: 'GET', path: '/v1/contacts', headers: { 'if-none-match': word, cookie: word } },
      { method: 'POST', path: '/v1/contacts/search', body: { where: { gt: ['birthDate', word] } } },
      { method: 'POST', path: '/v1/contacts/search', body: { where: { eq: ['phone', `+${word}`] }, limit: word } },
      {
        method: 'PATCH',
        path: contact,
        body: { birthDate: word, ownerId: word, intentScore: word, tags: [word, word] },
        headers,
      },
      { method: 'PATCH', path: contact, body: { displayName: `${word}\0`, jobTitle: word.repeat(40) } },
      { method: 'PATCH', path: contact, body: `{"displayName": "${word}` },
      { method: 'PATCH', path: contact, body: { customFields: { shoeSize: word, plan: word } } },
      // Taken already, by somebody whom the asker may not see.
      {
        method: 'POST',
        path: '/v1/contacts',
        body: { externalIds: [{ system: 'crm', id: word }] },
        headers: { 'idempotency-key': word },
      },
      { method: 'POST', path: '/v1/tags', body: { name: word } },
      { method: 'POST', path: '/v1/members', body: { email: `${word}@example.com`, displayName: word } },
      { method: 'POST', path: `${contact}/identities`, body: { kind: 'phone', value: word } },
      { method: 'POST', path: `${contact}/reveal`, body: { fields: [word, 'unknown'], reason: word } },
      { method: 'POST', path: `/v1/conversations/${id('conversations')}/notes`, body: { text: `${word}\0` } },
      { method: 'POST', path: `/v1/conversations/${id('conversations')}/messages`, body: { text: '', purpose: word } },
      { method: 'POST', path: '/v1/sessions', body: { email: `${word}@example.com`, password: word } },
    ]
  })
}
