#!/usr/bin/env bash
# The whole engine once, on real data: starts principal, logd and an agent as separate processes with
# their state in a temporary directory, triggers examples/cities, shows its output as it comes and a
# summary of the run, stops everything. Exits with the run's code.
set -euo pipefail
cd "$(dirname "$0")/.."

unset "${!CDKTR_@}"
CDKTR_HOME=$(mktemp -d /tmp/cdktr-demo.XXXXXX)
export CDKTR_HOME CITIES_OUT="$CDKTR_HOME/cities"
started=$CDKTR_HOME/started

stop() {
  kill -TERM "$system" 2>/dev/null && wait "$system" || true
  rm -rf "$CDKTR_HOME"
}

cdktr start principal --with-agent --workflow-dir examples/cities >"$started" 2>"$CDKTR_HOME/log" &
system=$!
trap stop EXIT
until grep -qs '^ready cdktr ' "$started"; do
  kill -0 "$system" 2>/dev/null || { cat "$CDKTR_HOME/log" >&2; exit 1; }
  read -rt 0.05 <> <(:) || true # a pause without a process
done
grep '^ready cdktr-' "$started"

echo '$ cdktr-trigger --workflow cities'
run=$(cdktr-trigger --workflow cities)
echo "$run"
echo "\$ cdktr-logs tail --run $run"
cdktr-logs tail --run "$run"
echo "\$ cdktr-ctl show $run"
cdktr-ctl show "$run"
cdktr-ctl wait "$run" >/dev/null && code=0 || code=$?
exit "$code"
