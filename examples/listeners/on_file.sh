#!/usr/bin/env bash
# Fires EVENT once for each file that appears in DIRECTORY, with {"file": …, "bytes": …} as payload.
#
#   on_file.sh EVENT DIRECTORY [PAUSE_S]
#
# It remembers nothing. Each file is named to the principal by a key (name, size, time of change), and
# the same key never starts anything twice: so this may be killed, restarted or run twice, and a
# file that changes is a new one. Needs bash, jq, stat and cdktr-trigger.
set -euo pipefail
event=$1 directory=$2 pause=${3:-1}
shopt -s nullglob
declare -A told=()

while :; do
  for file in "$directory"/*; do
    [[ -f $file && ! ${file##*/} =~ ^(\.|.*\.part$) ]] || continue
    mark=$(stat -c '%n %s %.9Y' -- "$file") || continue
    [[ ${told[$mark]:-} ]] && continue
    size=$(stat -c %s -- "$file") || continue
    key=$(printf '%s' "$event $mark" | sha256sum)
    payload=$(jq -nc --arg file "$file" --argjson bytes "$size" '{$file, $bytes}') # any name is JSON
    cdktr-trigger "$event" --key "${key%% *}" --payload "$payload" && code=0 || code=$?
    # Not told means not remembered: it is tried again in the next round, unless it was refused for
    # good (2, 5), which has been said.
    [[ $code != [025] ]] || told[$mark]=1
  done
  sleep "$pause"
done
