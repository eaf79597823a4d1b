#!/bin/sh
# trigger.sh PATH [SECONDS]: starts a stage of the pipelines, follows its run to the end and prints the answer.
#
# Says on standard error that it starts, and how it ended: "completed successfully" or "FAILED" with the reason.
# Exits 0 after a success, 1 after a failure, 3 where the run is not over after SECONDS (300); it goes on, and its address
# is said.
#
# RATINGO_URL         where `ratingo serve` answers (http://localhost:3000)
# CRON_SECRET         the secret, or
# CRON_SECRET_FILE    a file with nothing but the secret
set -eu

path=${1:?'which path? such as /api/sync/trending'}
seconds=${2:-300}
url=${RATINGO_URL:-http://localhost:3000}
secret=${CRON_SECRET:-$(cat "${CRON_SECRET_FILE:?'set CRON_SECRET or CRON_SECRET_FILE'}")}
give_up=$(($(date +%s) + seconds))

say() {
    echo "$(date -u +%Y-%m-%dT%H:%M:%SZ) ratingo: $1" >&2
}

# By standard input, for everybody may read the arguments of a process. A call that is repeated joins the run that the
# first one started; an answer with success=false comes with 200 and is not repeated.
ask() {
    answer=$(printf 'Authorization: Bearer %s\n' "$secret" | curl --silent --show-error --request "$1" --header @- \
        --max-time "$3" --retry 3 --retry-delay 5 --retry-connrefused --write-out '\n%{http_code}' "$url$2") || {
        say "$path FAILED: $2 did not answer: ${answer:-nothing}"
        exit 1
    }
    status=${answer##*
}
    body=$(printf '%s' "${answer%
*}")
    case $status in
    2??) ;;
    *)
        say "$path FAILED: $2 was answered with $status: $body"
        exit 1
        ;;
    esac
}

is_over() {
    ! printf '%s' "$body" | grep -Eq '"complete": ?false'
}

say "Starting $path"
ask POST "$path" $((seconds + 10))
address=$(printf '%s' "$body" | sed -n 's/.*"statusUrl": *"\([^"]*\)".*/\1/p')
while ! is_over; do
    if [ "$(date +%s)" -ge "$give_up" ]; then
        say "$path is not over after $seconds s, and goes on: $url$address"
        printf '%s\n' "$body"
        exit 3
    fi
    sleep 2
    ask GET "$address" 60
done
if ! printf '%s' "$body" | grep -Eq '"success": ?true'; then
    say "$path FAILED: $body"
    exit 1
fi
say "$path completed successfully"
printf '%s\n' "$body"
