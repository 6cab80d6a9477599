# The highest rate of events that 1,000 clients get with none lost and a p99 of at most 250 ms: Belfry through nginx,
# nchan inside its own nginx (with one worker and with one a core; the better counts). Open loop, steps upwards until
# one fails twice.
# shellcheck shell=bash

rate_good() {
  everybody_has_all "$1" && [ "$(calculate "$(figure "$1" p99_ms) <= 250" 0)" = 1 ]
}

# find_rate NAME RATE... -- ARGUMENT...: sets `highest` (0 when not even the first is reached) and `highest_p99`.
find_rate() {
  local name=$1 rates=() rate
  shift
  while [ "$1" != -- ]; do
    rates+=("$1")
    shift
  done
  shift
  highest=0 highest_p99=-
  for rate in "${rates[@]}"; do
    say "  $name: $rate events/s"
    measure "$name" -c 1000 -r "$rate" -s "$seconds" "$@" || return 0
    if ! rate_good "$name"; then
      measure "$name" -c 1000 -r "$rate" -s "$seconds" "$@" || return 0
      rate_good "$name" || return 0
    fi
    highest=$rate highest_p99=$(figure "$name" p99_ms)
  done
}

rate_row() {
  local ours ours_p99 theirs=0 workers
  # shellcheck disable=SC2046
  find_rate rate_belfry 500 1000 1250 1500 2000 2500 3000 4000 5000 6000 -- $(through_nginx) -H "$(history_socket)" -b 1000 \
    -C "$(pid_of belfry-pushd),$(workers_of_nginx "$(pid_of nginx)")"
  ours=$highest ours_p99=$highest_p99
  if have_nchan; then
    for workers in 1 2; do
      start_nchan $((peer_port + 2)) $workers || continue
      say "nchan with $workers workers"
      find_rate rate_nchan 100 150 200 250 300 350 400 450 500 600 700 800 1000 1200 -- -t "127.0.0.1:$((peer_port + 2))" \
        -T "127.0.0.1:$((peer_port + 2))/pub" -C "$peer_workers"
      [ "$highest" -le "$theirs" ] || theirs=$highest
      stop_peer "$peer_pid"
    done
  fi
  row "events/s to 1,000 clients, p99 <= 250 ms" "$ours (p99 $ours_p99 ms)" "" "" ">= 1000" "$ours >= 1000"
  [ "$theirs" = 0 ] || row "events/s to 1,000 clients, against nchan" "$ours" "nchan $theirs" \
    "$(calculate "$ours / $theirs")" ">= 2.5" "$ours / $theirs >= 2.5"
}
