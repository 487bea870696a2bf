import { setTimeout as sleep } from 'node:timers/promises'
import { password, type TestService } from '../harness/service.ts'

/** Somebody who holds a right to see what is secret, and how it is taken away. */
export interface Held {
  token: string
  take(): Promise<unknown>
}

/** What the requests of somebody are answered: a list, the next page of one sorted by the secret field, and so on. */
export type Statuses = Record<'list' | 'page' | 'fetch' | 'again' | 'change', number>

export interface Loss {
  hold(): Promise<Held>
  /** What is answered afterwards. */
  after: Statuses
}

const all = (status: number): Statuses => ({ list: status, page: status, fetch: status, again: status, change: status })
const out = all(401)
const forbidden = all(403)
/** The rows are gone, the right to look is there. */
const noRows: Statuses = { list: 200, page: 200, fetch: 404, again: 404, change: 404 }
/** The rows are there, the field is gone, and cannot be sorted by. */
const noField: Statuses = { list: 200, page: 400, fetch: 200, again: 201, change: 200 }

const fields = {
  read: ['displayName', 'company', 'country', 'teamId'],
  write: ['displayName', 'company', 'country', 'teamId', 'followUpStatus'],
}
const seeing = { resource: 'contacts', actions: ['read', 'create', 'update', 'assign'], fields }
const acting = { resource: 'members', actions: ['read', 'impersonate'], fields: { read: ['id'] } }

/** Every way in which a right can end. Each names its own people and roles. */
export async function losses(service: TestService): Promise<Record<string, Loss>> {
  const { request, role, member, login } = service
  const ok = async (status: number, method: string, path: string, options = {}) => {
    const answer = await request(method, path, options)
    if (answer.status !== status) throw new Error(`${method} ${path} answered ${answer.status}: ${answer.text}`)
    return answer
  }
  const patch = (path: string) => async (body: object) => {
    const { headers } = await ok(200, 'GET', path)
    await ok(200, 'PATCH', path, { body, headers: { 'if-match': String(headers.etag) } })
  }
  const unit = (await ok(201, 'POST', '/v1/business-units', { body: { name: 'Elsewhere' } })).id
  const team = (await ok(201, 'POST', '/v1/teams', { body: { name: 'Alps', countries: ['AT'] } })).id
  const otherTeam = (await ok(201, 'POST', '/v1/teams', { body: { name: 'Coast', countries: ['IT'] } })).id

  /** A member with one role of these grants, and changes to either. */
  const withRole = async (grants: readonly object[] = [seeing], extra = {}) => {
    const roleId = await role(grants)
    const one = await member(roleId, extra)
    return {
      ...one,
      roleId,
      regrant: async (next: readonly object[]) => patch(`/v1/roles/${roleId}`)({ grants: next }),
      change: patch(`/v1/members/${one.id}`),
    }
  }
  const withKey = async (grants: readonly object[] = [seeing], extra = {}) => {
    const roleId = await role(grants)
    const made = await ok(201, 'POST', '/v1/api-keys', { body: { name: 'CRM', roleIds: [roleId], ...extra } })
    const path = `/v1/api-keys/${made.id}`
    return {
      token: made.string('key'),
      regrant: async (next: readonly object[]) => patch(`/v1/roles/${roleId}`)({ grants: next }),
      change: patch(path),
      trash: () => ok(204, 'DELETE', path),
    }
  }
  const exchanged = async () => {
    const [key, one] = [await withKey([seeing, acting]), await withRole()]
    const answer = await ok(201, 'POST', '/v1/sessions/exchange', { token: key.token, body: { memberId: one.id } })
    return { token: answer.string('accessToken'), key, one }
  }
  const without = { ...seeing, fields: { ...fields, read: ['displayName'] } }
  const masked = { ...seeing, fields: { ...fields, read: ['displayName'], mask: ['company'] } }

  const of = (after: Statuses, hold: Loss['hold']): Loss => ({ hold, after })
  return {
    'a field of a role': of(noField, async () => {
      const { token, regrant } = await withRole()
      return { token, take: () => regrant([without]) }
    }),
    'a field that is masked from now on': of(noField, async () => {
      const { token, regrant } = await withRole()
      return { token, take: () => regrant([masked]) }
    }),
    'the rows of a role': of(noRows, async () => {
      const { token, regrant } = await withRole()
      return { token, take: () => regrant([{ ...seeing, when: { eq: ['country', 'IT'] } }]) }
    }),
    'all grants of a role': of(forbidden, async () => {
      const { token, regrant } = await withRole()
      return { token, take: () => regrant([{ ...acting, actions: ['read'] }]) }
    }),
    'the grants of one of two roles': of(noField, async () => {
      const { token, regrant, change, roleId } = await withRole()
      await change({ roleIds: [roleId, await role([without])] })
      return { token, take: () => regrant([{ ...acting, actions: ['read'] }]) }
    }),
    'a role': of(forbidden, async () => {
      const { token, change, roleId } = await withRole()
      return {
        token,
        take: async () => {
          await change({ roleIds: [] })
          await ok(204, 'DELETE', `/v1/roles/${roleId}`, { headers: { 'if-match': '*' } })
        },
      }
    }),
    'the team': of(noRows, async () => {
      const { token, change } = await withRole([{ ...seeing, when: { in: ['teamId', '$me.teamIds'] } }], {
        teamIds: [team],
      })
      return { token, take: () => change({ teamIds: [otherTeam] }) }
    }),
    'the team, and with it its countries': of(noRows, async () => {
      const { token, change } = await withRole([{ ...seeing, when: { in: ['country', '$me.countries'] } }], {
        teamIds: [team],
      })
      return { token, take: () => change({ teamIds: [otherTeam] }) }
    }),
    'a country of the team': of(noRows, async () => {
      const own = (await ok(201, 'POST', '/v1/teams', { body: { name: 'Own', countries: ['AT', 'DE'] } })).id
      const { token } = await withRole([{ ...seeing, when: { in: ['country', '$me.countries'] } }], { teamIds: [own] })
      return { token, take: () => patch(`/v1/teams/${own}`)({ countries: ['DE'] }) }
    }),
    'the business unit': of(noRows, async () => {
      const { token, change } = await withRole()
      return { token, take: () => change({ businessUnitIds: [unit] }) }
    }),
    'every business unit': of(noRows, async () => {
      const { token, change } = await withRole()
      return { token, take: () => change({ businessUnitIds: [] }) }
    }),
    'the sight of all business units': of(forbidden, async () => {
      const { token, id } = await member('owner', { businessUnitIds: [unit] })
      return { token, take: () => patch(`/v1/members/${id}`)({ roleIds: [] }) }
    }),
    'membership, by deactivation': of(out, async () => {
      const { token, change } = await withRole()
      return { token, take: () => change({ status: 'deactivated' }) }
    }),
    membership: of(out, async () => {
      const { token, id } = await withRole()
      return { token, take: () => ok(204, 'DELETE', `/v1/members/${id}`) }
    }),
    'the session': of(out, async () => {
      const { token } = await withRole()
      return { token, take: () => ok(204, 'DELETE', '/v1/sessions/current', { token }) }
    }),
    'the session, by a refresh token that is used twice': of(out, async () => {
      const { token, refreshToken } = await withRole()
      const refresh = (status: number) =>
        ok(status, 'POST', '/v1/sessions/refresh', { token: null, body: { refreshToken } })
      await refresh(200)
      return { token, take: () => refresh(401) }
    }),
    'the password of the session': of(out, async () => {
      const { token, email } = await withRole()
      const other = await login(email)
      const body = { currentPassword: password, newPassword: `${password}-2` }
      return { token, take: () => ok(204, 'POST', '/v1/me/password', { token: other.token, body }) }
    }),
    'the password, by a link': of(out, async () => {
      const { token, id } = await withRole()
      const link = (await ok(201, 'POST', `/v1/members/${id}/invitations`)).string('token')
      const body = { token: link, password: `${password}-2` }
      return { token, take: () => ok(201, 'POST', '/v1/invitations/accept', { token: null, body }) }
    }),
    'the key, by deactivation': of(out, async () => {
      const { token, change } = await withKey()
      return { token, take: () => change({ status: 'deactivated' }) }
    }),
    'the key': of(out, async () => {
      const { token, trash } = await withKey()
      return { token, take: trash }
    }),
    'the key’s time, set to an end': of(out, async () => {
      const { token, change } = await withKey()
      return { token, take: () => change({ expiresAt: '2020-01-01T00:00:00Z' }) }
    }),
    'the key’s time, by itself': of(out, async () => {
      const end = Date.now() + 1500
      const { token } = await withKey([seeing], { expiresAt: new Date(end).toISOString() })
      return { token, take: () => sleep(end - Date.now() + 5) }
    }),
    'a field of the key’s role': of(noField, async () => {
      const { token, regrant } = await withKey()
      return { token, take: () => regrant([without]) }
    }),
    'the key’s business unit': of(noRows, async () => {
      const { token, change } = await withKey()
      return { token, take: () => change({ businessUnitIds: [unit] }) }
    }),
    'the key that acts for a member': of(out, async () => {
      const { token, key } = await exchanged()
      return { token, take: () => key.change({ status: 'deactivated' }) }
    }),
    'the member for whom a key acts': of(out, async () => {
      const { token, one } = await exchanged()
      return { token, take: () => one.change({ status: 'deactivated' }) }
    }),
    'a field of the key that acts for a member': of(noField, async () => {
      const { token, key } = await exchanged()
      return { token, take: () => key.regrant([without, acting]) }
    }),
    'a field of the member for whom a key acts': of(noField, async () => {
      const { token, one } = await exchanged()
      return { token, take: () => one.regrant([without]) }
    }),
    'the business unit of the member for whom a key acts': of(noRows, async () => {
      const { token, one } = await exchanged()
      return { token, take: () => one.change({ businessUnitIds: [unit] }) }
    }),
    'the business unit of the key that acts for a member': of(noRows, async () => {
      const { token, key } = await exchanged()
      return { token, take: () => key.change({ businessUnitIds: [unit] }) }
    }),
    'the password of the member for whom a key acts': of(out, async () => {
      const { token, one } = await exchanged()
      const body = { currentPassword: password, newPassword: `${password}-2` }
      return { token, take: () => ok(204, 'POST', '/v1/me/password', { token: one.token, body }) }
    }),
  }
}
