# What watching costs: 999 services over HTTP every 40 s, 5,000 series of one scrape every 10 s, and the host every 5 s.
# shellcheck shell=bash

watch_target() {
  local at=$1 dir=$work/target
  mkdir -p "$dir"
  seq 0 4999 | sed 's/.*/bench_watched{n="&"} 1.5/' >"$dir/metrics"
  cat >"$dir/nginx.conf" <<CONF
worker_processes 1; daemon off; $([ "$(id -u)" != 0 ] || echo "user root;") pid $dir/nginx.pid; error_log $dir/error.log;
events { worker_connections 4096; }
http {
  access_log off; default_type text/plain;
  client_body_temp_path $dir/b; proxy_temp_path $dir/p; fastcgi_temp_path $dir/f; uwsgi_temp_path $dir/u; scgi_temp_path $dir/s;
  server { listen 127.0.0.1:$at backlog=4096; location = /metrics { root $dir; } location / { return 200 "fine\\n"; } }
}
CONF
  start_peer nginx_target "$at" nginx -p "$dir" -c "$dir/nginx.conf" -e "$work/nginx_target.log"
}

# watch_figure NAME: of the loop's own state.
watch_figure() {
  curl -sS -H "Authorization: Bearer $(cat "$state/admin.token")" "http://127.0.0.1:$port/api/loop-status" |
    sed -E "s/.*\"$1\":([0-9.]+).*/\1/"
}

# How fast a file that is there is read, looked through for secrets, and stored: lines of an access log, as long as they are.
watch_tail() {
  local lines=${WATCH_LINES:-1000000} log=$work/bench.log from taken
  awk -v lines="$lines" 'BEGIN {
    for (i = 0; i < lines; i++)
      printf "127.0.0.1 - - [20/Nov/2026:10:%02d:%02d +0000] \"GET /api/items/%d?page=%d HTTP/1.1\" 200 %d \"-\" \"Mozilla/5.0 (X11; Linux x86_64)\" 0.0%02d\n",
        i / 60 % 60, i % 60, i * 7919 % 100003, i % 97, i % 5000, i % 100
  }' >"$log.new"
  printf "logs:\n  - {path: '%s', source: bench}\n" "$log" >>"$state/belfry.yaml"
  : >"$log"
  kill -HUP "$(pid_of belfry-watchd)"
  sleep 2
  from=$(watch_figure log_lines_total)
  taken=$(date +%s%N)
  cat "$log.new" >>"$log"
  await_lines $((from + lines)) || return 1
  taken=$((($(date +%s%N) - taken) / 1000000))
  row "lines of a log a second, looked through for secrets" "$(calculate "$lines * 1000 / $taken" 0)/s" "" "" ">= 50000/s" "$lines * 1000 >= 50000 * $taken"
}

await_lines() {
  local deadline=$((SECONDS + 120))
  until [ "$(watch_figure log_lines_total)" -ge "$1" ]; do
    [ $SECONDS -lt $deadline ] || return 1
    sleep 0.2
  done
}

watch_row() {
  local at=$((port + 9)) seconds_watched=${WATCH_SECONDS:-90} conf=$state/belfry.yaml before ticks pid cpu memory late
  watch_target "$at"
  {
    awk '/^[a-z]/ { left_out = /^(services|watch|scrapes|logs):/ } !left_out' "$conf"
    printf 'watch:\n  interval: 40s\nservices:\n'
    seq 1 999 | sed "s|.*|  - {name: s&, health_endpoint: 'http://127.0.0.1:$at/health'}|"
    printf "scrapes:\n  - {url: 'http://127.0.0.1:%s/metrics', source: bench, interval: 10s, max_series: 6000}\n" "$at"
  } >"$work/watch.yaml"
  "$build/belfry" check-config -c "$work/watch.yaml" >/dev/null || return 1
  cp "$work/watch.yaml" "$conf"
  pid=$(pid_of belfry-watchd)
  kill -HUP "$pid"
  sleep 45 # until each was probed once
  before=$(awk '{print $14 + $15}' "/proc/$pid/stat")
  sleep "$seconds_watched"
  ticks=$(($(awk '{print $14 + $15}' "/proc/$pid/stat") - before))
  cpu=$(calculate "100 * $ticks / $(getconf CLK_TCK) / $seconds_watched")
  memory=$(calculate "$(awk '/^Pss:/ {print $2}' "/proc/$pid/smaps_rollup") / 1024" 0)
  late=$(watch_figure lateness_p99_ms)
  row "1,000 services every 40 s, 5,000 series every 10 s: CPU, memory" "$cpu % of a core, $memory MiB" "" "" "<= 5 %, 50 MB" \
    "$cpu <= 5 && $memory <= 47"
  row "how late checks begin, p99" "$late ms" "" "" "<= 250 ms" "$late <= 250"
  say "    checks $(watch_figure checks_total), samples $(watch_figure samples_total), dropped $(watch_figure dropped), late $(watch_figure late)"
  stop_peer "$peer_pid"
  watch_tail
}
