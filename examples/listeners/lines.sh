#!/usr/bin/env bash
# Fires EVENT once for each line of FILE, and prints how every run ended. It needs no program of
# CDKTR and no ZeroMQ either: it speaks ZMTP, ZeroMQ's wire protocol, by hand (bash, coreutils, jq;
# for ipc:// also socat).
#
#   lines.sh tcp://HOST:PORT|ipc://PATH EVENT FILE
#
# FILE may grow. FILE.told keeps how far it is told and the number of the last fact that was read.
set -euo pipefail
export LC_ALL=C # lengths are bytes
endpoint=$1 event=$2 file=$3

take() { timeout 1 dd bs=1 count="$1" status=none <&"$in"; }
numbers() { take "$1" | od -An -v -tu1; }

# The head of the next frame: what kind it is, and how many bytes are to come.
head_of_frame() {
  local byte
  flags=$(numbers 1) size=0
  [[ $flags ]] || return 1 # cut off, or no answer in time
  for byte in $(numbers $((flags & 2 ? 8 : 1))); do size=$((size * 256 + byte)); done
}

# A greeting of 64 bytes (ZMTP 3.0, no encryption) and a command that says what kind of socket this
# is, each answered in kind; then a message, an empty frame and the body. Its answer goes to stdout.
exchange() {
  local body=$1 flags size shift
  printf '\xff\0\0\0\0\0\0\0\1\x7f\3\0NULL' >&"$out"
  head -c 48 /dev/zero >&"$out"
  [[ $(numbers 64 | wc -w) == 64 ]] || return 1
  printf '\4\x19\5READY\13Socket-Type\0\0\0\3REQ' >&"$out"
  head_of_frame && take "$size" >/dev/null || return 1
  printf '\1\0\2' >&"$out"
  for shift in 56 48 40 32 24 16 8 0; do
    printf "\\x$(printf %x $((${#body} >> shift & 255)))" >&"$out"
  done
  printf %s "$body" >&"$out"
  while head_of_frame; do
    if ((flags & 5)); then take "$size" >/dev/null; else take "$size"; return; fi
  done # a command, or a frame that is not the last, says nothing here
}

once() {
  local host
  if [[ $endpoint == ipc://* ]]; then
    coproc LINE { exec socat - "UNIX-CONNECT:${endpoint#ipc://}" 2>/dev/null; }
    exec {in}<&"${LINE[0]}" {out}>&"${LINE[1]}" # those of a coproc are closed in subshells
  else
    host=${endpoint#tcp://}
    exec {in}<>"/dev/tcp/${host%:*}/${host##*:}" || return 1
    out=$in
  fi 2>/dev/null
  exchange "$1"
}

# The answer. Until there is one the same body is sent again: its key makes that harmless.
ask() {
  local answer
  until answer=$(once "$1" 2>/dev/null) && jq -e 'type == "object"' <<<"$answer" &>/dev/null &&
    ! jq -e '.type == "error" and .retry' <<<"$answer" &>/dev/null; do
    sleep 0.2 # nobody there, busy, a full disk: not now
  done
  printf '%s\n' "$answer"
}

save() { echo "$at $last" >"$file.told"; }

at=0 last=
[[ ! -s $file.told ]] || read -r at last <"$file.told" # empty: killed as it was written
[[ $last ]] || last=$(ask '{"type":"event.list","after":-1}' | jq '.newest // 0')
while :; do
  while IFS= read -r line; do # one without end is still being written
    body=$(jq -nc --arg event "$event" --arg key "$event:$file:$at" --arg line "$line" \
      '{type: "event.fire", id: $key, event: $event, key: $key, payload: {line: $line}}')
    # A refusal that no repeating can mend: say so, and go on.
    ask "$body" | jq -r 'select(.type == "error") | "\(.code): \(.detail)"' >&2
    at=$((at + ${#line} + 1))
    save
  done < <(tail -c +$((at + 1)) -- "$file")
  # The record, by a question that waits for news: no subscription, and nothing can be missed.
  page=$(ask '{"type":"event.list","topic":"run/","limit":100,"wait_s":0.5,"after":'"$last}")
  jq -e '.type != "error"' <<<"$page" >/dev/null || { echo "event.list: $page" >&2; exit 1; }
  jq -r '.events[]? | select(.type == "run.ended") | "\(.run) \(.workflow) \(.state)"' <<<"$page"
  last=$(jq '.last // 0' <<<"$page")
  save
done
