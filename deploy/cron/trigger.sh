#!/bin/sh
# trigger.sh PATH [SECONDS]: starts a stage of the pipelines, waits for its end and prints the answer.
# Exits 1, and says why on standard error, unless the answer is a success.
#
# RATINGO_URL         where `ratingo serve` answers (http://localhost:3000)
# CRON_SECRET         the secret, or
# CRON_SECRET_FILE    a file with nothing but the secret
set -eu

path=${1:?'which path? such as /api/sync/trending'}
seconds=${2:-300}
url=${RATINGO_URL:-http://localhost:3000}
secret=${CRON_SECRET:-$(cat "${CRON_SECRET_FILE:?'set CRON_SECRET or CRON_SECRET_FILE'}")}

# By standard input, for everybody may read the arguments of a process. A call that is repeated joins the run that the
# first one started; an answer with success=false comes with 200 and is not repeated.
answer=$(printf 'Authorization: Bearer %s\n' "$secret" | curl --silent --show-error --request POST --header @- \
    --max-time "$seconds" --retry 3 --retry-delay 5 --retry-connrefused --write-out '\n%{http_code}' "$url$path") || {
    echo "ratingo: $path did not answer: ${answer:-nothing}" >&2
    exit 1
}
status=${answer##*
}
body=$(printf '%s' "${answer%
*}")

case $status in
2??) ;;
*)
    echo "ratingo: $path was answered with $status: $body" >&2
    exit 1
    ;;
esac
if ! printf '%s' "$body" | grep -Eq '^\{"success": ?true'; then
    echo "ratingo: $path did not succeed: $body" >&2
    exit 1
fi
printf '%s\n' "$body"
