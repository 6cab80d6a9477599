# What the rows of the bench share: an instance of Belfry as a user would start it, peers, measuring, the table.
# Sourced by `run` (bash), which sets: source build work port rows.
# shellcheck shell=bash

state=$work/state
direct_port=$((port + 2)) # belfry-pushd's own TCP address
peer_port=$((port + 10))  # peers count up from here
bench_push=$build/tests/bench/bench_push
declare -A peer_of # port of each running peer, pids of each
started_pids=()

seconds=${SECONDS_EACH:-4}
rounds=${ROUNDS:-2}
clients=${CLIENTS:-5000}

say() {
  printf '%s\n' "$*"
}

# --- the instance ---

# Figures are those of the shipped configuration; only what stands here differs from it.
start_instance() {
  mkdir -p "$state"
  BELFRY_PUSH_LISTEN=127.0.0.1:$direct_port \
    "$source/quickstart" --no-install --detach --port "$port" --state "$state" >/dev/null
}

stop_instance() {
  [ ! -e "$state/run/quickstart.pid" ] || "$source/quickstart" stop --state "$state" >/dev/null 2>&1 || true
}

pid_of() {
  cat "$state/run/$1.pid"
}

workers_of_nginx() {
  pgrep -P "$1" | paste -sd,
}

# A new process of belfry-pushd, so that its memory is not that of clients who have gone.
fresh_pushd() {
  local before after
  before=$(pid_of belfry-pushd)
  kill -TERM "$before"
  await "a new belfry-pushd" pushd_is_new "$before"
  after=$(pid_of belfry-pushd)
  await "belfry-pushd" port_answers "$direct_port"
  sleep 3 # until it has read the newest events into its ring: that memory is nobody's client
  say "(belfry-pushd $before was replaced by $after)"
}

pushd_is_new() {
  local now
  now=$(pid_of belfry-pushd 2>/dev/null) && [ -n "$now" ] && [ "$now" != "$1" ] && kill -0 "$now" 2>/dev/null
}

# await WHAT COMMAND...: until it succeeds.
await() {
  local what=$1 deadline=$((SECONDS + 30))
  shift
  until "$@"; do
    if [ $SECONDS -ge $deadline ]; then
      say "bench: $what did not come up within 30 s" >&2
      return 1
    fi
    sleep 0.05
  done
}

port_answers() {
  (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# --- peers ---

# start_peer NAME PORT COMMAND...: in the background, until it accepts connections; sets `peer_pid`.
start_peer() {
  local name=$1 at=$2
  shift 2
  "$@" >"$work/$name.log" 2>&1 &
  peer_pid=$!
  started_pids+=("$peer_pid")
  await "$name" port_answers "$at" || {
    cat "$work/$name.log" >&2
    return 1
  }
}

stop_peer() {
  kill "$1" 2>/dev/null || true
  wait "$1" 2>/dev/null || true
}

stop_peers() {
  local pid
  for pid in "${started_pids[@]}"; do
    kill "$pid" 2>/dev/null || true
  done
  started_pids=()
}

nchan_module=/usr/lib/nginx/modules/ngx_nchan_module.so

have_nchan() {
  [ -e "$nchan_module" ] && return 0
  say "(nchan is not installed: apt-get install libnginx-mod-nchan)"
  return 1
}

have_node_ws() {
  node_modules=${BELFRY_TEST_MODULES:-$source/tests/node_modules}
  [ -d "$node_modules/ws" ] && return 0
  say "(npm ws is not there: npm ci in tests, or BELFRY_TEST_MODULES)"
  return 1
}

have_aiohttp() {
  /usr/bin/python3 -c 'import aiohttp' 2>/dev/null && return 0
  say "(aiohttp is not installed: apt-get install python3-aiohttp)"
  return 1
}

# start_nginx NAME PORT CONFIGURATION: sets `peer_pid` and `peer_workers`.
start_nginx() {
  mkdir -p "$work/$1/log" "$work/$1/tmp"
  printf '%s\n' "$3" >"$work/$1/nginx.conf"
  start_peer "$1" "$2" nginx -p "$work/$1" -c "$work/$1/nginx.conf" -e "$work/$1/log/nginx.log"
  peer_workers=$(workers_of_nginx "$peer_pid")
}

# What every nginx needs to be started here. Takes: name, number of workers.
nginx_preamble() {
  [ "$(id -u)" != 0 ] || echo "user root $(id -gn);"
  echo "daemon off; worker_processes $2; pid $work/$1/nginx.pid;"
  echo "events { worker_connections $(ulimit -n); }"
}

nginx_temp_paths() {
  local kind
  for kind in client_body proxy fastcgi uwsgi scgi; do
    echo "${kind}_temp_path $work/$1/tmp/$kind;"
  done
}

# nchan as a WebSocket server. Its buffer is made long enough that a slow client loses nothing.
# start_nchan PORT WORKERS
start_nchan() {
  start_nginx nchan "$1" "load_module $nchan_module;
$(nginx_preamble nchan "$2")
http {
  $(nginx_temp_paths nchan)
  access_log off;
  keepalive_requests 10000000;
  nchan_shared_memory_size 256M;
  server {
    listen 127.0.0.1:$1 backlog=4096;
    location = /pub {
      nchan_publisher;
      nchan_channel_id bench;
      nchan_message_buffer_length 2000;
      nchan_message_timeout 30s;
    }
    location = /ws {
      nchan_subscriber websocket;
      nchan_channel_id bench;
      nchan_subscriber_first_message newest;
    }
  }
}"
}

# --- measuring ---

machine_idle() {
  awk '/^cpu / {print $5 + $6}' /proc/stat
}

# Waits until others leave the machine alone for a second, for at most WAIT_QUIET seconds.
await_quiet() {
  local deadline=$((SECONDS + ${WAIT_QUIET:-0})) before
  while [ $SECONDS -lt $deadline ]; do
    before=$(machine_idle)
    sleep 1
    [ $(($(machine_idle) - before)) -lt $((92 * $(nproc))) ] || return 0
  done
}

# measure NAME ARGUMENT...: one run of bench_push; `figure NAME KEY` then gives what it measured.
measure() {
  local name=$1
  shift
  rm -f "$work/$name.figures"
  await_quiet
  "$bench_push" -o "$work/$name.figures" "$@" | sed -u "s/^/    /"
  [ -s "$work/$name.figures" ] || {
    say "bench: $name could not be measured" >&2
    return 1
  }
}

figure() {
  sed -n "s/^$2=//p" "$work/$1.figures"
}

# The ways in and out of the instance.
through_nginx() {
  printf '%s\n' -t "127.0.0.1:$port" -k "$state/admin.token"
}
direct() {
  printf '%s\n' -t "127.0.0.1:$direct_port" -k "$state/admin.token"
}
history_socket() {
  if [ -e "$state/run/sockets" ]; then
    echo "$(cat "$state/run/sockets")/history.sock"
  else
    echo "$state/run/history.sock"
  fi
}
everybody_has_all() {
  [ "$(figure "$1" with_all)" = "$(figure "$1" clients)" ] && [ "$(figure "$1" refused)" = 0 ] &&
    [ "$(figure "$1" failed)" = 0 ]
}

median() {
  printf '%s\n' "$@" | sort -g | awk '{a[NR] = $1} END {print NR % 2 ? a[(NR + 1) / 2] : (a[NR / 2] + a[NR / 2 + 1]) / 2}'
}

calculate() {
  awk "BEGIN {printf \"%.${2:-2}f\", $1}"
}

# --- the table ---

# row WHAT FIGURE PEER RATIO GOAL CONDITION: the condition is arithmetic for awk, or empty where there is no goal.
row() {
  local met=-
  [ -z "$6" ] || met=$(awk "BEGIN {print ($6) ? \"yes\" : \"NO\"}")
  printf '%s\t%s\t%s\t%s\t%s\t%s\n' "$1" "$2" "${3:--}" "${4:--}" "${5:--}" "$met" >>"$work/table"
  say "  => $1: $2${3:+ (peer: $3)}${4:+, ratio $4}${5:+; goal $5: $met}"
}

print_table() {
  [ -s "$work/table" ] || return 0
  printf '\n'
  {
    printf 'what\tfigure\tpeer in the same run\tratio\tgoal\tmet\n'
    cat "$work/table"
  } | awk -F '\t' '{
      for (i = 1; i <= NF; i++) { cell[NR, i] = $i; if (length($i) > width[i]) width[i] = length($i) }
    } END {
      for (r = 1; r <= NR; r++) {
        for (i = 1; i <= NF; i++) printf "%-*s%s", width[i], cell[r, i], i < NF ? "  " : "\n"
      }
    }'
}
