# The history: what samples and log lines take on the disk, how fast they are asked for through nginx, beside
# VictoriaMetrics and grep; how fast they are taken, and how long an acknowledgement takes while they are sealed.
# shellcheck shell=bash disable=SC2001

history_port=$((port + 5))
history_series=20
history_days=${HISTORY_DAYS:-90}
history_step=${HISTORY_STEP:-60}       # seconds between samples; 15 for the record
history_lines=${HISTORY_LINES:-1000000} # 10000000 for the record
history_text_days=30

# An instance of its own on a history that `fill` made. Takes: a name.
start_filled() {
  local where=$work/$1
  BELFRY_PUSH_LISTEN="" "$source/quickstart" --no-install --detach --port "$history_port" --state "$where" >/dev/null
}

stop_filled() {
  "$source/quickstart" stop --state "$work/$1" >/dev/null 2>&1 || true
}

# fill_history NAME ARGUMENT...: the figures are then in $work/NAME.figures.
fill_history() {
  local name=$1 kind=$2
  shift 2
  mkdir -p "$work/$name"
  "$build/tests/bench/fill" "$kind" "$work/$name/history" "$@" >"$work/$name.figures"
}

# ask WHAT ADDRESS KEY_FILE PATHS: sets `p50` and `p99` in ms. One connection, as a person with one page has.
ask() {
  local what=$1 at=$2 key=$3 paths=$4 line
  await_quiet
  line=$("$build/tests/bench/bench_http" -u "$at" ${key:+-k "$key"} -s "$seconds" -c 1 GET "@$paths")
  p50=$(sed 's/.*p50 \([0-9.]*\) ms.*/\1/' <<<"$line")
  p99=$(sed 's/.*p99 \([0-9.]*\) ms.*/\1/' <<<"$line")
  case $line in
    *'refused 0 '*) ;;
    *)
      say "bench: $what is refused: $line" >&2
      curl -sS ${key:+-H "Authorization: Bearer $(cat "$key")"} "http://$at$(head -n 1 "$paths")" | head -c 400 >&2
      ;;
  esac
  say "    $what: p50 $p50 ms, p99 $p99 ms"
}

# Ends of ranges in the last days, so that not all questions are the same. Seconds since 1970.
history_ends() {
  local now i
  now=$(($(date +%s) / 86400 * 86400))
  for i in 0 1 2 3 4 5 6 7 8 9; do
    echo $((now - i * 3600))
  done
}

# question NAME P50 P99 RANGE STEP BELFRY_PATH PEER_QUERY: times are put in place of FROM, TO and N (a series).
history_question() {
  local name=$1 goal50=$2 goal99=$3 range=$4 step=$5 path=$6 query=$7 to n=0 ours50 ours99 peer=''
  : >"$work/ours.paths"
  : >"$work/peer.paths"
  for to in $(history_ends); do
    local number
    number=$(printf %02d $((n++ % history_series)))
    sed -e "s/FROM/$((to - range))/g" -e "s/TO/$to/g" -e "s/N/$number/g" <<<"$path" >>"$work/ours.paths"
    sed -e "s/N/$number/g" <<<"/api/v1/query_range?query=$query&start=$((to - range + step))&end=$to&step=$step&nocache=1" >>"$work/peer.paths"
  done
  ask "$name" "127.0.0.1:$history_port" "$work/samples/admin.token" "$work/ours.paths"
  ours50=$p50 ours99=$p99
  if [ -n "$victoria" ]; then
    ask "$name, VictoriaMetrics" "127.0.0.1:$victoria" "" "$work/peer.paths"
    peer="$p50 / $p99 ms"
  fi
  row "$name, p50 / p99" "$ours50 / $ours99 ms" "$peer" "${peer:+$(calculate "$ours50 / ($p50 + 0.001)")}" \
    "<= $goal50 / $goal99 ms" "$ours50 <= $goal50 && $ours99 <= $goal99"
}

start_victoria() {
  victoria=
  command -v victoria-metrics >/dev/null || {
    say "(VictoriaMetrics is not installed: apt-get install victoria-metrics)"
    return 0
  }
  start_peer victoria $((peer_port + 1)) victoria-metrics -storageDataPath "$work/victoria" -retentionPeriod 10y \
    -httpListenAddr "127.0.0.1:$((peer_port + 1))" || return 0
  victoria=$((peer_port + 1))
  say "VictoriaMetrics takes the same samples"
  curl -sS -X POST --data-binary @- "http://127.0.0.1:$victoria/api/v1/import/prometheus" <"$work/samples.txt"
  curl -sS "http://127.0.0.1:$victoria/internal/force_flush" >/dev/null
  curl -sS "http://127.0.0.1:$victoria/internal/force_merge" >/dev/null
  sleep 5
}

history_samples() {
  local of raw tiers peer=''
  say "$history_series series, $history_days days, a sample each $history_step s"
  fill_history samples samples "$history_series" "$history_days" "$history_step" "$work/samples.txt"
  start_victoria
  of=$(figure samples records)
  raw=$(calculate "$(figure samples samples_bytes) / $of" 3)
  tiers=$(calculate "($(figure samples samples_bytes) + $(figure samples minutes_bytes) + $(figure samples hours_bytes)) / $of" 3)
  [ -z "$victoria" ] || peer=$(calculate "$(du -sb "$work/victoria/data" | cut -f1) / $of" 3)
  row "disk a sample, as it came" "$raw bytes" "${peer:+$peer bytes}" "${peer:+$(calculate "$raw / $peer")}" "<= 1.2" "$raw <= 1.2"
  row "disk a sample, with all roll-ups" "$tiers bytes" "" "" "<= 4" "$tiers <= 4"
  start_filled samples
  history_question "one series, 24 h, 60 s steps" 1.0 3 86400 60 \
    "/api/history?metric=bench_value&label.n=N&from=FROM&to=TO&step=60s&agg=avg" 'avg_over_time(bench_value%7Bn=%22N%22%7D%5B60s%5D)'
  history_question "one series, 90 days, 1,000 points, min avg max" 5 10 $((history_days * 86400)) $((history_days * 86400 / 1000)) \
    "/api/history?metric=bench_value&label.n=N&from=FROM&to=TO&points=1000&agg=min,avg,max" \
    "avg_over_time(bench_value%7Bn=%22N%22%7D%5B$((history_days * 86400 / 1000))s%5D)"
  history_question "20 series, 7 days, 10 min steps" 8 20 604800 600 \
    "/api/history?metric=bench_value&from=FROM&to=TO&step=10m&agg=avg" 'avg_over_time(bench_value%5B600s%5D)'
  history_question "95th percentile over 1 h windows, 30 days" 8 15 2592000 3600 \
    "/api/history?metric=bench_value&label.n=N&from=FROM&to=TO&step=1h&agg=p95" \
    'quantile_over_time(0.95,bench_value%7Bn=%22N%22%7D%5B1h%5D)'
  history_memory samples
  stop_filled samples
  [ -z "$victoria" ] || stop_peer "$peer_pid"
  rm -rf "$work/samples.txt" "$work/victoria"
}

pss_kb() {
  awk '/^Pss:/ {print $2}' "/proc/$1/smaps_rollup"
}

# The largest worker, and historyd.
history_memory() {
  local pid worker=0 kb daemon
  daemon=$(pss_kb "$(cat "$work/$1/run/belfry-historyd.pid")")
  for pid in $(pgrep -P "$(cat "$work/$1/run/belfry-fcgi.pid")"); do
    kb=$(pss_kb "$pid")
    [ "$kb" -le "$worker" ] || worker=$kb
  done
  row "memory of historyd, of a worker ($1)" "$((daemon / 1024)) / $((worker / 1024)) MiB" "" "" "<= 64 MB" \
    "$daemon * 1024 <= 64e6 && $worker * 1024 <= 64e6"
}

# Takes: what, search, goal in ms, extra conditions of the query.
history_search() {
  local words grep_ms='' begun
  words=$(sed 's/ /%20/g' <<<"$2")
  printf '/api/logs?limit=100&q=%s\n' "$words" >"$work/ours.paths"
  if [ "${4-}" ]; then
    begun=$(date +%s%N)
    tac "$work/logs.txt" | grep -m 100 -wiF -- "$4" >/dev/null
    grep_ms=$(calculate "($(date +%s%N) - $begun) / 1e6" 1)
  fi
  search_cold "$1" "/api/logs?limit=100&q=$words"
  ask "$1" "127.0.0.1:$history_port" "$work/logs/admin.token" "$work/ours.paths"
  row "newest 100: $1, p50 / p99" "$p50 / $p99 ms" "${grep_ms:+tac, grep $grep_ms ms}" "" "<= $3 ms" "$p50 <= $3"
}

# search_cold WHAT PATH: the first question of programs that have just started, of files that are on the disk only; a few
# times.
search_cold() {
  local what=$1 path=$2 times median
  times=$(for _ in 1 2 3 4 5; do
    stop_filled logs
    drop_cached
    start_filled logs
    curl -sS -o /dev/null -w '%{time_total}\n' -H "Authorization: Bearer $(cat "$work/logs/admin.token")" \
      "http://127.0.0.1:$history_port$path"
  done | sort -n)
  median=$(calculate "$(sed -n 3p <<<"$times") * 1000" 1)
  drop_cached
  say "    of the sealed files, given back: $(fincore -b -n -o RES "$work"/logs/history/segments/*.db | awk '{n += $1} END {print n + 0}') bytes are left in memory"
  row "the same, cold: $what, median / worst of 5" "$median / $(calculate "$(sed -n 5p <<<"$times") * 1000" 1) ms" "" "" "<= 100 ms" "$median <= 100"
}

# Gives the pages of sealed files back.
drop_cached() {
  local file
  for file in "$work"/logs/history/segments/*.db; do
    dd of="$file" oflag=nocache conv=notrunc,fdatasync count=0 status=none 2>/dev/null || true
  done
}

history_logs() {
  local of text disk rate
  say "$history_lines log lines over $history_text_days days"
  fill_history logs logs "$history_lines" "$history_text_days" "$work/logs.txt"
  of=$(figure logs records)
  text=$(figure logs text_bytes)
  rate=$(calculate "$of / $(figure logs cpu_seconds)" 0)
  disk=$(calculate "$(figure logs events_bytes) / $text" 3)
  row "log lines a second of one core, sealing included" "$rate" "" "" ">= 60000" "$rate >= 60000"
  row "disk of log lines ($(calculate "$text / $of" 0) bytes each), index included" "$disk of the text" "" "" "<= 0.40" "$disk <= 0.40"
  say "peak memory while filling: $(figure logs peak_rss_kb) KB"
  start_filled logs
  history_search "a rare word" needle 10 needle
  history_search "a common word" common 10 common
  history_search "two common words that rarely meet" "left right" 100
  history_memory logs
  stop_filled logs
  rm -f "$work/logs.txt"
}

history_taking() {
  local line rate
  say "samples over the API, durable, batches of 1,000"
  line=$("$build/tests/bench/bench_http" -u "127.0.0.1:$port" -k "$state/admin.token" -s "$seconds" -c 4 -b 1000 POST /api/metrics)
  say "    $line"
  rate=$(sed 's/.* \([0-9]*\) samples\/s.*/\1/' <<<"$line")
  row "samples a second over the API" "$rate" "" "" ">= 250000" "$rate >= 250000"
  say "acknowledgements while sealing and checkpointing, 10,000 log lines a second"
  line=$("$build/tests/bench/bench_append" "$(history_socket)" 10 20 $((seconds * 5)) log 10000)
  say "    $line"
  p99=$(sed 's/.*p99 \([0-9.]*\) ms.*/\1/' <<<"$line")
  p999=$(sed 's/.*p99\.9 \([0-9.]*\) ms.*/\1/' <<<"$line")
  row "acknowledgement at 10,000 events/s, p99 / p99.9" "$p99 / $p999 ms" "" "" "<= 15 / 60 ms" "$p99 <= 15 && $p999 <= 60"
}

history_row() {
  history_taking
  history_samples
  history_logs
}
