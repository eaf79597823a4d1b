#!/bin/sh
# trigger.sh PATH [SECONDS]: starts a stage of the pipelines, follows its run to the end and prints the answer.
#
# Says on standard error that it starts, and how it ended: "completed successfully" or "FAILED" with the reason.
# Exits 0 after a success, 1 after a failure, 2 where it was wrongly called, 3 where the run is not over after SECONDS
# (300); it goes on, and its address is said.
#
# RATINGO_URL         where `ratingo serve` answers (http://localhost:3000)
# CRON_SECRET         the secret, or
# CRON_SECRET_FILE    a file with nothing but the secret
set -eu

path=${1:?'which path? such as /api/sync/trending'}
seconds=${2:-300}
url=${RATINGO_URL:-http://localhost:3000}
url=${url%/}

# One line each, whatever is in it: cron mails the last one.
say() {
    printf '%s ratingo: %s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$(printf '%s' "$1" | tr -s '\r\n' ' ')" >&2
}

fail() {
    say "$path FAILED: $1"
    exit "${2:-1}"
}

case $seconds in
*[!0-9]* | 0?*) fail "$seconds is no number of seconds" 2 ;;
esac
if [ -n "${CRON_SECRET:-}" ]; then
    secret=$CRON_SECRET
else
    [ -n "${CRON_SECRET_FILE:-}" ] || fail 'set CRON_SECRET or CRON_SECRET_FILE' 2
    secret=$(cat "$CRON_SECRET_FILE") || fail "CRON_SECRET_FILE: $CRON_SECRET_FILE cannot be read" 2
fi
give_up=$(($(date +%s) + seconds))

# By standard input, for everybody may read the arguments of a process. A call that is repeated joins the run that the
# first one started; an answer with success=false comes with 200 and is not repeated.
ask() {
    answer=$(printf 'Authorization: Bearer %s\n' "$secret" | curl --silent --show-error --request "$1" --header @- \
        --max-time "$3" --retry 3 --retry-delay 5 --retry-connrefused --write-out '\n%{http_code}' "$url$2") ||
        fail "$url$2 did not answer: curl ended with code $?"
    status=${answer##*
}
    body=$(printf '%s' "${answer%
*}")
    case $status in
    2??) ;;
    *) fail "$2 was answered with $status: $body" ;;
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
printf '%s' "$body" | grep -Eq '"success": ?true' || fail "$body"
say "$path completed successfully"
printf '%s\n' "$body"
