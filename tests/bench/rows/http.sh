# The REST API: requests a second and latency, and the same through the same nginx with a constant body in place of
# belfry-fcgi, which no server behind it can be faster than.
# shellcheck shell=bash disable=SC2001

http_load() {
  "$build/tests/bench/bench_http" -u "127.0.0.1:$port" -k "$state/admin.token" -s "$seconds" "$@"
}

# http_floor BYTES: the same load on a body of that length.
http_floor() {
  local at=$((port + 1)) floor bytes=$1
  mkdir -p "$state/floor/run"
  sed -e "s/listen 127.0.0.1:$port/listen 127.0.0.1:$at/" -e "s|belfry_run .*|belfry_run \"$state/floor/run\";|" \
    -e "s|nginx\.pid|floor.pid|" -e "s|log/access\.log|log/floor.log|" "$state/nginx.conf" >"$state/floor.conf"
  "$build/tests/bench/fcgi_floor" "$state/floor/run/fcgi.sock" 8 "$bytes" &
  floor=$!
  started_pids+=("$floor")
  await "the floor" test -S "$state/floor/run/fcgi.sock"
  start_peer nginx_floor $at nginx -p "$state" -c "$state/floor.conf" -e "$work/nginx_floor.log"
  say "the floor: the same through the same nginx with a constant body of $bytes bytes"
  "$build/tests/bench/bench_http" -u "127.0.0.1:$at" -s "$seconds" -c 16 GET /stats
  stop_peer "$peer_pid"
  stop_peer "$floor"
  rm -f "$state/floor/run/fcgi.sock"
}

# http_state PATH: what is so now, beside its floor.
http_state() {
  local path=$1 bytes ours ours99 line
  bytes=$(curl -sS -H "Authorization: Bearer $(cat "$state/admin.token")" "http://127.0.0.1:$port$path" | wc -c)
  http_figure -c 16 GET "$path"
  ours=$rate ours99=$p99
  line=$(http_floor "$bytes")
  say "$line"
  http_take "$(tail -n 1 <<<"$line")"
  row "GET $path, 16 connections" "$ours/s, p99 $ours99 ms" "constant body $rate/s" "$(calculate "$ours / $rate")" ">= 0.8, p99 <= 3 ms" \
    "$ours >= 0.8 * $rate && $ours99 <= 3"
}

# http_figure ARGUMENT...: one load; sets `rate` (requests, or what they carry, a second) and `p99` in ms.
http_figure() {
  local line
  await_quiet
  line=$(http_load "$@")
  say "    $line"
  http_take "$line"
}

http_take() {
  rate=$(sed -E 's/.* +([0-9]+) (events|samples|records)\/s.*/\1/; t; s/.* +([0-9]+) requests\/s.*/\1/' <<<"$1")
  p99=$(sed 's/.*p99 \([0-9.]*\) ms.*/\1/' <<<"$1")
}

# The state first: behind the loads that write, historyd seals what they brought, and is in the way.
http_row() {
  http_load -c 1 -b 100 POST /api/events >/dev/null
  http_state /stats
  http_state /status
  http_figure -c 16 POST /api/events
  row "single durable POSTs, 16 connections" "$rate/s" "" "" ">= 9000/s" "$rate >= 9000"
  http_figure -c 16 -b 100 POST /api/events
  row "batches of 100, 16 connections" "$rate events/s" "" "" ">= 80000/s" "$rate >= 80000"
  http_figure -c 8 -b 500 POST /v1/logs
  row "OpenTelemetry's log records, 500 in a request" "$rate/s" "" "" ">= 30000/s" "$rate >= 30000"
}
