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

# A figure of the table: microseconds, and how many events came with a read.
cpu_text() {
  printf '%s us, %s a read' "$(calculate "$1")" "$(calculate "$2" 1)"
}

cpu_row() {
  local belfry=() nchan=() bare=() belfry_read=() nchan_read=() bare_read=() round nchan_workers="" bare_pid nchan_pid="" few=1000
  start_peer bare_loop $((peer_port + 1)) "$build/tests/bench/bare_loop" $((peer_port + 1))
  bare_pid=$peer_pid
  if have_nchan && start_nchan $((peer_port + 2)) 1; then
    nchan_pid=$peer_pid nchan_workers=$peer_workers
  fi
  for ((round = 1; round <= rounds; round++)); do
    say "round $round of $rounds, $clients clients: belfry-pushd"
    cpu_belfry belfry "$clients" &&
      belfry+=("$(figure belfry cpu_us)") belfry_read+=("$(figure belfry per_read)")
    say "  a bare send loop"
    cpu_peer bare "$clients" $((peer_port + 1)) "$bare_pid" &&
      bare+=("$(figure bare cpu_us)") bare_read+=("$(figure bare per_read)")
    if [ -n "$nchan_workers" ]; then
      say "  nchan"
      cpu_peer nchan "$clients" $((peer_port + 2)) "$nchan_workers" &&
      nchan+=("$(figure nchan cpu_us)") nchan_read+=("$(figure nchan per_read)")
    fi
  done
  stop_peer "$bare_pid"
  [ -z "$nchan_pid" ] || stop_peer "$nchan_pid"
  local ours theirs text
  ours=$(median "${belfry[@]}")
  text=$(cpu_text "$ours" "$(median "${belfry_read[@]}")")
  if [ ${#nchan[@]} -gt 0 ]; then
    theirs=$(median "${nchan[@]}")
    row "CPU per delivery, $clients direct, 20/s" "$text" "nchan $(cpu_text "$theirs" "$(median "${nchan_read[@]}")")" \
      "$(calculate "$ours / $theirs")" "<= 0.9" "$ours / $theirs <= 0.9"
  fi
  theirs=$(median "${bare[@]}")
  row "CPU per delivery, $clients direct, 20/s" "$text" "bare loop $(cpu_text "$theirs" "$(median "${bare_read[@]}")")" \
    "$(calculate "$ours / $theirs")" "<= 1.25" "$ours / $theirs <= 1.25"

  say "$few clients: belfry-pushd"
  cpu_belfry belfry "$few"
  ours=$(figure belfry cpu_us)
  text=$(cpu_text "$ours" "$(figure belfry per_read)")
  if have_node_ws && start_peer node_ws $((peer_port + 3)) node "$here/peers/ws.mjs" $((peer_port + 3)) "$node_modules"; then
    say "  Node ws"
    cpu_peer node "$few" $((peer_port + 3)) "$peer_pid"
    stop_peer "$peer_pid"
    row "CPU per delivery, $few direct, 20/s" "$text" \
      "Node ws $(cpu_text "$(figure node cpu_us)" "$(figure node per_read)")" \
      "$(calculate "$ours / $(figure node cpu_us)")" "" ""
  fi
  if have_aiohttp && start_peer aiohttp $((peer_port + 4)) /usr/bin/python3 "$here/peers/aiohttp_ws.py" $((peer_port + 4)); then
    say "  aiohttp"
    cpu_peer aiohttp "$few" $((peer_port + 4)) "$peer_pid"
    stop_peer "$peer_pid"
    row "CPU per delivery, $few direct, 20/s" "$text" \
      "aiohttp $(cpu_text "$(figure aiohttp cpu_us)" "$(figure aiohttp per_read)")" \
      "$(calculate "$ours / $(figure aiohttp cpu_us)")" "" ""
  fi
}
