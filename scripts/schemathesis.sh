#!/usr/bin/env bash
# Tests the running service against its own document with Schemathesis (https://schemathesis.io): all checks, all phases,
# once as owner and once as agent.
#
#   scripts/schemathesis.sh [seconds for each of the two, 300 when left out] [folder for the reports]
#
# Needs Python 3.10 or newer with venv, curl, and PyPI. Everything lives in a temporary folder: the Python packages, the
# embedded database, the reports unless a folder is named. Exit code 1 when anything was found.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

seconds=${1:-300}
folder=$(mktemp -d)
chmod 711 "$folder"
reports=${2:-$folder/reports}
mkdir -p "$reports"
export PYTHONDONTWRITEBYTECODE=1 HYPOTHESIS_STORAGE_DIRECTORY=$folder/hypothesis
export PATH="$PWD/node_modules/.bin:$PATH"

service=
stop() {
  if [ -n "$service" ]; then kill "$service" 2>/dev/null && wait "$service" 2>/dev/null; fi
  case $reports in "$folder"/*) echo "reports: $reports" ;; *) rm -rf "$folder" ;; esac
}
trap stop EXIT

python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check schemathesis==4.32.5

port=$(node -e 'const s = require("node:net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close() })')
password=$(node -p 'require("node:crypto").randomUUID()')
url=http://127.0.0.1:$port
DATA_DIR=$folder/data PORT=$port OWNER_PASSWORD=$password RATE_LIMIT_PER_MINUTE=0 LOG_LEVEL=error LOG_PRETTY=false \
  node --max-semi-space-size=4 --max-old-space-size=128 src/main.ts >"$reports/service.log" 2>&1 &
service=$!
for _ in $(seq 100); do
  curl -sf "$url/health/ready" >/dev/null && break
  sleep 0.3
done

# Two keys, and something to find: contacts, a conversation with a message and a note, an event that came in.
eval "$(URL=$url PASSWORD=$password node --input-type=module <<'EOF'
import { createHmac, randomBytes } from 'node:crypto'
const { URL: url, PASSWORD: password } = process.env
let token = ''
const call = async (path, body, headers = {}) => {
  const answer = await fetch(url + path, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { 'content-type': 'application/json', ...(token ? { authorization: `Bearer ${token}` } : {}), ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  if (!answer.ok) throw new Error(`${path} answers ${answer.status}: ${await answer.text()}`)
  return answer.json()
}
token = (await call('/v1/sessions', { email: 'owner@example.com', password })).accessToken
const own = [(await call('/v1/me')).id]
for (const role of ['owner', 'agent']) {
  const { id } = (await call(`/v1/roles?name=${role}`)).data[0]
  const key = await call('/v1/api-keys', { name: `schemathesis ${role}`, roleIds: [id] })
  own.push(id, key.id)
  console.log(`key_${role}=${key.key}`)
}
console.log(`own='${own.join(' ')}'`)
const key = randomBytes(32)
const settings = { secret: `whsec_${key.toString('base64')}`, outboundUrl: 'https://connector.invalid/outbound' }
const channel = await call('/v1/channels', { type: 'connector', name: 'Shop', settings })
for (const displayName of ['Anna', 'Bashir', 'Chen']) {
  const contact = await call('/v1/contacts', { displayName, phone: '+4917012345678', tags: ['vip'] })
  const [identity] = (await call(`/v1/contacts/${contact.id}/identities`)).data
  const conversation = await call('/v1/conversations', { contactId: contact.id, identityId: identity.id, channelId: channel.id })
  await call(`/v1/conversations/${conversation.id}/messages`, { text: 'It left our warehouse this morning.' })
  await call(`/v1/conversations/${conversation.id}/notes`, { text: 'Call back tomorrow.' })
}
const events = [{ id: 'evt-1', type: 'message', occurredAt: new Date(), from: { value: '+4917087654321' }, message: { type: 'text', text: 'Where is my order?' } }]
const [id, timestamp] = ['msg-1', String(Math.floor(Date.now() / 1000))]
const mac = createHmac('sha256', key).update(`${id}.${timestamp}.${JSON.stringify({ events })}`).digest('base64')
const signed = { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${mac}` }
await call(`/v1/ingest/${channel.id}`, { events }, signed)
EOF
)"

found=0
for role in owner agent; do
  key=key_$role
  echo "== as $role, $seconds s"
  checks=(--checks all)
  # The document names every field; a role that may not use one gets the answer of a field that does not exist.
  if [ "$role" = agent ]; then checks+=(--exclude-checks positive_data_acceptance); fi
  OWN_IDS=$own "$folder/venv/bin/schemathesis" --config-file scripts/schemathesis.toml run "$url/openapi.json" \
    --header "Authorization: Bearer ${!key}" --max-time "$seconds" "${checks[@]}" \
    --report junit,ndjson --report-dir "$reports/$role" >"$reports/$role.txt" 2>&1 || found=1
  # The requests that show a failure can be very long.
  sed -n '/= SUMMARY =/,$p' "$reports/$role.txt" | cut -c 1-300
done
exit $found
