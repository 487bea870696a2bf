import type { Answer, TestService } from '../../harness/service.ts'

/** Defines a field of contacts; a text unless `more` says otherwise. */
export async function define(service: TestService, key: string, more: Record<string, unknown> = {}): Promise<string> {
  const body = { resource: 'contacts', key, type: 'text', ...more }
  return made(await service.request('POST', '/v1/custom-fields', { body }))
}

/** A contact with these custom values. */
export async function contact(
  service: TestService,
  displayName: string,
  customFields: Record<string, unknown> = {},
  more: Record<string, unknown> = {},
): Promise<string> {
  return made(await service.request('POST', '/v1/contacts', { body: { displayName, customFields, ...more } }))
}

/** The id of what an answer says was made. */
export function made(answer: Answer): string {
  if (answer.status !== 201) throw new Error(`${answer.status} ${answer.text}`)
  return answer.id
}

/** A member whose role has these grants for contacts. */
export async function memberWith(service: TestService, ...grants: object[]): Promise<string> {
  const role = await service.role(grants.map((grant) => ({ resource: 'contacts', actions: ['read'], ...grant })))
  return (await service.member(role)).token
}

/** The names of the contacts that a query finds, in its order. */
export async function found(service: TestService, query: string, token = service.ownerToken): Promise<string> {
  const answer = await service.request('GET', `/v1/contacts?${query}`, { token })
  if (answer.status !== 200) return `${answer.status} ${answer.code}`
  return answer.data.map((one) => one.displayName).join()
}

/** The same by the body of a search. */
export async function searched(service: TestService, where: unknown, token = service.ownerToken): Promise<string> {
  const answer = await service.request('POST', '/v1/contacts/search', {
    token,
    body: { where, sort: 'displayName' },
  })
  if (answer.status !== 200) return `${answer.status} ${answer.code}`
  return answer.data.map((one) => one.displayName).join()
}

/** The codes and places of a problem's faults. */
export function faults(answer: Answer): string[] {
  const { errors } = answer.body
  if (!Array.isArray(errors)) throw new Error(answer.text)
  return errors.map(({ path, code }) => `${path} ${code}`)
}
