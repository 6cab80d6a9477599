# Bytes on the wire with permessage-deflate against plain: single events of 320 bytes, batches, snapshots; and CPU.
# shellcheck shell=bash

deflate_count=500

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

# deflate_result NAME WHAT GOAL
deflate_result() {
  local ratio cpu
  ratio=$(calculate "$(figure "$1_deflate" bytes) / $(figure "$1_plain" bytes)")
  cpu=$(calculate "$(figure "$1_deflate" cpu_total_us) / $(figure "$1_plain" cpu_total_us)")
  row "bytes with deflate, $2" "$(figure "$1_deflate" bytes)" "plain $(figure "$1_plain" bytes)" "$ratio" "<= $3" "$ratio <= $3"
  row "CPU with deflate, $2" "$(figure "$1_deflate" cpu_total_us) us" "plain $(figure "$1_plain" cpu_total_us) us" "$cpu" \
    "< 1.3" "$cpu < 1.3"
}

deflate_row() {
  say "single events, $deflate_count clients, 20/s"
  if ! deflate_pair deflate_single -c $deflate_count -r 20; then
    say "(single events come uncompressed)"
  fi
  deflate_result deflate_single "single events" 0.8
  say "batches, $deflate_count clients, 500/s"
  deflate_pair deflate_batch -c $deflate_count -r 500 -b 100 -S '{"event":"subscribe","data":{"batch":true}}' ||
    say "(batches come uncompressed)"
  deflate_result deflate_batch batches 0.25
  say "snapshots once a second, $deflate_count clients"
  deflate_pair deflate_state -c $deflate_count -r 5 -p '/ws/dashboard?interval=1&events=none' ||
    say "(snapshots come uncompressed)"
  deflate_result deflate_state snapshots 0.25
}
