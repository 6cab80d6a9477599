# The REST API: requests a second and latency, and the same through the same nginx with a constant body in place of
# belfry-fcgi, which no server behind it can be faster than.
# shellcheck shell=bash

http_load() {
  "$build/tests/bench/bench_http" -u "127.0.0.1:$port" -k "$state/admin.token" -s "$seconds" "$@"
}

http_floor() {
  local at=$((port + 1)) floor
  mkdir -p "$state/floor/run"
  sed -e "s/listen 127.0.0.1:$port/listen 127.0.0.1:$at/" -e "s|belfry_run .*|belfry_run \"$state/floor/run\";|" \
    -e "s|nginx\.pid|floor.pid|" -e "s|log/access\.log|log/floor.log|" "$state/nginx.conf" >"$state/floor.conf"
  "$build/tests/bench/fcgi_floor" "$state/floor/run/fcgi.sock" 8 &
  floor=$!
  started_pids+=("$floor")
  await "the floor" test -S "$state/floor/run/fcgi.sock"
  start_peer nginx_floor $at nginx -p "$state" -c "$state/floor.conf" -e "$work/nginx_floor.log"
  say "the floor: the same through the same nginx with a constant body"
  "$build/tests/bench/bench_http" -u "127.0.0.1:$at" -s "$seconds" -c 16 GET /stats
  stop_peer "$peer_pid"
  stop_peer "$floor"
}

http_row() {
  say "single events, 16 connections (durable before each answer)"
  http_load -c 16 POST /api/events
  say "batches of 100, 16 connections"
  http_load -c 16 -b 100 POST /api/events
  say "OpenTelemetry's log records, 500 in a request, 8 connections"
  http_load -c 8 -b 500 POST /v1/logs
  say "state answers (each leaves a line in the access log, which becomes an event)"
  http_load -c 16 GET /stats
  http_load -c 16 GET /health
  http_floor
}
