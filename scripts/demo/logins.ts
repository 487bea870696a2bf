import { type Company, demoPassword } from './set-up.ts'

/** What to try next: who can log in, and three requests. */
export async function describeLogins({ members, tenant }: Company, url: string): Promise<string> {
  const agent = members.find((one) => one.role === 'agent')?.email ?? ''
  const width = Math.max(...members.map((one) => one.email.length))
  const who = members.map(({ email, role, name }) => `  ${email.padEnd(width)}  ${role.padEnd(9)}  ${name}`)
  const body = JSON.stringify({ email: agent, password: demoPassword, tenant: tenant.tenantId })
  const bearer = '-H "Authorization: Bearer $TOKEN"'
  return [
    `Log in as one of these, everybody's password is ${demoPassword}`,
    ...who,
    '',
    'Try, as an agent, who sees phone numbers and addresses masked:',
    `  TOKEN=$(curl -s ${url}/v1/sessions -H 'content-type: application/json' -d '${body}' | sed 's/.*"accessToken":"\\([^"]*\\)".*/\\1/')`,
    `  curl -s "${url}/v1/contacts?q=muller&limit=3" ${bearer}`,
    `  curl -s "${url}/v1/conversations?status=open&sort=waitingSince&include=contact,lastMessage,assignee&limit=3" ${bearer}`,
    ...((await isUp(url)) ? [] : ['', `The service does not answer at ${url} now; start it with: npm start`]),
  ].join('\n')
}

async function isUp(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/health/live`, { signal: AbortSignal.timeout(1_000) })).ok
  } catch {
    return false
  }
}
