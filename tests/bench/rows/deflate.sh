# Bytes on the wire with permessage-deflate against plain: single events of about 320 bytes of words, batches, snapshots;
# and CPU. Frames are not inflated here (the system tests do that); bytes are those that come off the socket.
# shellcheck shell=bash

deflate_clients=1000

# deflate_pair NAME ARGUMENT...: plain, then compressed. Returns: 1 when nothing was compressed.
deflate_pair() {
  local name=$1
  shift
  # shellcheck disable=SC2046
  measure "${name}_plain" $(direct) -H "$(history_socket)" -e rich -C "$(pid_of belfry-pushd)" -s "$seconds" "$@"
  # shellcheck disable=SC2046
  measure "${name}_deflate" $(direct) -z -H "$(history_socket)" -e rich -C "$(pid_of belfry-pushd)" -s "$seconds" "$@"
  [ "$(figure "${name}_deflate" compressed)" -gt 0 ]
}

# deflate_per NAME KEY PER: sets `plain` and `compressed` to what one client's `event` or `frame` took.
deflate_per() {
  local run what value
  for run in plain deflate; do
    what="$(figure "$1_$run" accepted) * $(figure "$1_$run" clients)"
    [ "$3" = event ] || what=$(figure "$1_$run" frames)
    value=$(calculate "$(figure "$1_$run" "$2") / ($what)" 3)
    [ $run = plain ] && plain=$value || compressed=$value
  done
}

# deflate_result NAME WHAT PER GOAL
deflate_result() {
  local plain compressed ratio
  deflate_per "$1" bytes "$3"
  ratio=$(calculate "$compressed / $plain")
  row "bytes with deflate, $2" "$(calculate "$compressed" 0)" "plain $(calculate "$plain" 0)" "$ratio" "<= $4" "$ratio <= $4"
  deflate_per "$1" cpu_total_us "$3"
  ratio=$(calculate "$compressed / $plain")
  row "CPU with deflate, $2" "$(calculate "$compressed") us" "plain $(calculate "$plain") us" "$ratio" "< 1.3" "$ratio < 1.3"
}

# A snapshot as of a site with a dozen services, not of one with nothing but ourselves.
deflate_watch_dozen() {
  local names=(shop api accounts search mail billing cache queue images reports proxy backup) name
  for name in "${names[@]}"; do
    printf '  - name: %s\n    port: %s\n    health_endpoint: /health\n' "$name" "$port"
  done >"$work/services"
  sed -i "/health_endpoint/r $work/services" "$state/belfry.yaml"
  kill -TERM "$(pid_of belfry-watchd)"
  await "the dozen of services" deflate_sees_dozen || true
}

deflate_sees_dozen() {
  curl -fs -H "Authorization: Bearer $(cat "$state/admin.token")" "http://127.0.0.1:$port/api/health" |
    grep -q '"backup"'
}

deflate_row() {
  say "single events, $deflate_clients clients, 20/s"
  deflate_pair deflate_single -c "$deflate_clients" -r 20 || say "(single events come uncompressed)"
  deflate_result deflate_single "single events" event 0.8
  say "batches of 20, $deflate_clients clients, 20 a second"
  deflate_pair deflate_batch -c "$deflate_clients" -r 400 -g 20 -b 20 -S '{"event":"subscribe","data":{"batch":true}}' ||
    say "(batches come uncompressed)"
  deflate_result deflate_batch "batches of 20" event 0.25
  deflate_watch_dozen
  say "snapshots of a dozen services once a second, $deflate_clients clients"
  deflate_pair deflate_state -c "$deflate_clients" -r 5 -p '/ws/dashboard?interval=1&events=none' ||
    say "(snapshots come uncompressed)"
  deflate_result deflate_state snapshots frame 0.25
}
