# User memory (Pss) per idle client: what the process has more with its clients than without, held long enough that a
# ping has gone each way. All hold theirs at the same time, in processes that have had no clients before. Then nginx's
# side of a proxied WebSocket, with our files and as it is usually configured.
# shellcheck shell=bash

memory_hold=${MEMORY_SECONDS:-25}
held_pids=()

# hold NAME ARGUMENT...: in the background.
hold() {
  local name=$1
  shift
  say "  $name"
  measure "$name" -s "$memory_hold" "$@" >"$work/$name.out" 2>&1 &
  held_pids+=($!)
}

await_held() {
  local pid
  for pid in "${held_pids[@]}"; do
    wait "$pid" || true
  done
  held_pids=()
}

memory_against() {
  [ -s "$work/$1.figures" ] || return 0
  row "memory per idle client" "$(figure memory_belfry pss_client) bytes" "$2 $(figure "$1" pss_client) bytes" \
    "$(calculate "$(figure memory_belfry pss_client) / $(figure "$1" pss_client)")" "<= 1024 bytes" \
    "$(figure memory_belfry pss_client) <= 1024"
}

# The instance's own nginx.conf on another port, in a process of its own.
start_fresh_nginx() {
  mkdir -p "$state/fresh"
  sed -e "s/listen 127.0.0.1:$port/listen 127.0.0.1:$1/" -e "s|nginx\.pid|fresh.pid|" -e "s|access\.log|fresh.log|" \
    "$state/nginx.conf" >"$state/fresh.conf"
  start_peer nginx_ours "$1" nginx -p "$state" -c "$state/fresh.conf" -e "$work/nginx_ours.log"
  peer_workers=$(workers_of_nginx "$peer_pid")
}

start_usual_nginx() {
  start_nginx nginx_usual "$1" "$(nginx_preamble nginx_usual auto)
http {
  $(nginx_temp_paths nginx_usual)
  access_log off;
  map \$http_upgrade \$connection_upgrade { default upgrade; '' close; }
  server {
    listen 127.0.0.1:$1 backlog=4096;
    location /ws {
      proxy_pass http://unix:$(dirname "$(history_socket)")/push.sock;
      proxy_http_version 1.1;
      proxy_set_header Upgrade \$http_upgrade;
      proxy_set_header Connection \$connection_upgrade;
      proxy_set_header Host \$host;
      proxy_set_header X-Real-IP \$remote_addr;
      proxy_set_header X-Forwarded-For \$proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto \$scheme;
      proxy_read_timeout 75s;
    }
  }
}"
}

memory_row() {
  local peers=() proxied=2000
  fresh_pushd
  say "idle for $memory_hold s each, at the same time:"
  # shellcheck disable=SC2046
  hold memory_belfry $(direct) -c "$clients" -C "$(pid_of belfry-pushd)"
  if have_nchan && start_nchan $((peer_port + 2)) 1; then
    peers+=("$peer_pid")
    hold memory_nchan -t "127.0.0.1:$((peer_port + 2))" -c "$clients" -C "$peer_workers"
  fi
  if have_node_ws && start_peer node_ws $((peer_port + 3)) node "$here/peers/ws.mjs" $((peer_port + 3)) "$node_modules"; then
    peers+=("$peer_pid")
    sleep 5 # until it has collected the garbage of its start
    hold memory_node -t "127.0.0.1:$((peer_port + 3))" -c "$clients" -C "$peer_pid"
  fi
  if have_aiohttp && start_peer aiohttp $((peer_port + 4)) /usr/bin/python3 "$here/peers/aiohttp_ws.py" $((peer_port + 4)); then
    peers+=("$peer_pid")
    hold memory_aiohttp -t "127.0.0.1:$((peer_port + 4))" -c 1000 -C "$peer_pid"
  fi
  await_held
  for peer_pid in "${peers[@]}"; do
    stop_peer "$peer_pid"
  done
  cat "$work"/memory_*.out
  memory_against memory_nchan nchan
  memory_against memory_node "Node ws"
  memory_against memory_aiohttp aiohttp

  say "nginx's side, $proxied clients, idle for $memory_hold s:"
  peers=()
  start_fresh_nginx $((peer_port + 5))
  peers+=("$peer_pid")
  hold memory_ours -t "127.0.0.1:$((peer_port + 5))" -k "$state/admin.token" -c "$proxied" -C "$peer_workers"
  start_usual_nginx $((peer_port + 6))
  peers+=("$peer_pid")
  hold memory_usual -t "127.0.0.1:$((peer_port + 6))" -k "$state/admin.token" -c "$proxied" -C "$peer_workers"
  await_held
  for peer_pid in "${peers[@]}"; do
    stop_peer "$peer_pid"
  done
  cat "$work"/memory_ours.out "$work"/memory_usual.out
  row "memory in nginx per proxied client" "$(figure memory_ours pss_client) bytes" \
    "as usual $(figure memory_usual pss_client) bytes" \
    "$(calculate "$(figure memory_ours pss_client) / $(figure memory_usual pss_client)")" "less" \
    "$(figure memory_ours pss_client) < $(figure memory_usual pss_client)"
}
