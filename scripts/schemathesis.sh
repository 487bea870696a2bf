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

json() { node -pe "JSON.parse(require('node:fs').readFileSync(0, 'utf8'))$1"; }
call() { curl -sf "$url$1" -H "authorization: Bearer ${token:-}" -H 'content-type: application/json' "${@:2}"; }
token=$(call /v1/sessions -d "{\"email\":\"owner@example.com\",\"password\":\"$password\"}" | json .accessToken)
own=$(call /v1/me | json .id)

for role in owner agent; do
  id=$(call "/v1/roles?name=$role" | json '.data[0].id')
  answer=$(call /v1/api-keys -d "{\"name\":\"schemathesis $role\",\"roleIds\":[\"$id\"]}")
  declare "key_$role=$(json .key <<<"$answer")"
  own="$own $id $(json .id <<<"$answer")"
done
# Something to find.
for name in Anna Bashir Chen; do call /v1/contacts -d "{\"displayName\":\"$name\",\"tags\":[\"vip\"]}" >/dev/null; done

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
