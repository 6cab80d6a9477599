# CPU per delivery: direct TCP connections, 20 events a second of about 235 bytes, to belfry-pushd, to nchan and to a
# bare send loop in turn, several rounds, medians. The figure falls with the rate for everybody, so the rates are equal;
# and a server that is held up writes several events at once, so events a read are shown too.
# shellcheck shell=bash

cpu_belfry() {
  # shellcheck disable=SC2046
  measure "$1" $(direct) -H "$(history_socket)" -c "$2" -r 20 -s "$seconds" -C "$(pid_of belfry-pushd)"
}

# cpu_peer NAME CLIENTS PORT PIDS
cpu_peer() {
  measure "$1" -t "127.0.0.1:$3" -T "127.0.0.1:$3/pub" -c "$2" -r 20 -s "$seconds" -C "$4"
}

cpu_row() {
  local belfry=() nchan=() bare=() round nchan_workers="" bare_pid nchan_pid="" few=1000
  start_peer bare_loop $((peer_port + 1)) "$build/tests/bench/bare_loop" $((peer_port + 1))
  bare_pid=$peer_pid
  if have_nchan && start_nchan $((peer_port + 2)) 1; then
    nchan_pid=$peer_pid nchan_workers=$peer_workers
  fi
  for ((round = 1; round <= rounds; round++)); do
    say "round $round of $rounds, $clients clients: belfry-pushd"
    cpu_belfry belfry "$clients" && belfry+=("$(figure belfry cpu_us)")
    say "  a bare send loop"
    cpu_peer bare "$clients" $((peer_port + 1)) "$bare_pid" && bare+=("$(figure bare cpu_us)")
    if [ -n "$nchan_workers" ]; then
      say "  nchan"
      cpu_peer nchan "$clients" $((peer_port + 2)) "$nchan_workers" && nchan+=("$(figure nchan cpu_us)")
    fi
  done
  stop_peer "$bare_pid"
  [ -z "$nchan_pid" ] || stop_peer "$nchan_pid"
  local ours theirs
  ours=$(median "${belfry[@]}")
  if [ ${#nchan[@]} -gt 0 ]; then
    theirs=$(median "${nchan[@]}")
    row "CPU per delivery, $clients direct, 20/s" "$(calculate "$ours") us" "nchan $(calculate "$theirs") us" \
      "$(calculate "$ours / $theirs")" "<= 0.9" "$ours / $theirs <= 0.9"
  fi
  theirs=$(median "${bare[@]}")
  row "CPU per delivery, $clients direct, 20/s" "$(calculate "$ours") us" "bare loop $(calculate "$theirs") us" \
    "$(calculate "$ours / $theirs")" "<= 1.25" "$ours / $theirs <= 1.25"

  say "$few clients: belfry-pushd"
  cpu_belfry belfry "$few"
  ours=$(figure belfry cpu_us)
  if have_node_ws && start_peer node_ws $((peer_port + 3)) node "$here/peers/ws.mjs" $((peer_port + 3)) "$node_modules"; then
    say "  Node ws"
    cpu_peer node "$few" $((peer_port + 3)) "$peer_pid"
    stop_peer "$peer_pid"
    row "CPU per delivery, $few direct, 20/s" "$(calculate "$ours") us" "Node ws $(figure node cpu_us) us" \
      "$(calculate "$ours / $(figure node cpu_us)")" "" ""
  fi
  if have_aiohttp && start_peer aiohttp $((peer_port + 4)) /usr/bin/python3 "$here/peers/aiohttp_ws.py" $((peer_port + 4)); then
    say "  aiohttp"
    cpu_peer aiohttp "$few" $((peer_port + 4)) "$peer_pid"
    stop_peer "$peer_pid"
    row "CPU per delivery, $few direct, 20/s" "$(calculate "$ours") us" "aiohttp $(figure aiohttp cpu_us) us" \
      "$(calculate "$ours / $(figure aiohttp cpu_us)")" "" ""
  fi
}
