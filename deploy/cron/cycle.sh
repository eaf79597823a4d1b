#!/bin/sh
# cycle.sh shows|movies: opens a cycle and has all its titles processed: the coordinator, then the processor as often
# as it takes. Where the sensors of `ratingo serve` are on they process the titles, and this only waits for them.
# Ends like trigger.sh, with the same words on standard error.
set -eu

case ${1:?'which one? shows or movies'} in
shows) root=/api/sync/trending ;;
movies) root=/api/sync/movies/trending ;;
*)
    echo "ratingo: shows or movies, not $1" >&2
    exit 2
    ;;
esac
here=$(dirname "$0")

"$here/trigger.sh" "$root"
rounds=0
while [ "$rounds" -lt 100 ]; do
    rounds=$((rounds + 1))
    answer=$("$here/trigger.sh" "$root/process?limit=50")
    printf '%s\n' "$answer"
    case $answer in
    *'"processed": 0,'*) exit 0 ;;
    esac
done
echo "ratingo: $root FAILED: titles are still not processed after $rounds rounds" >&2
exit 1
