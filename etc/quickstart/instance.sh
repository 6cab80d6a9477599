# One instance: its state folder, its configuration, whether it runs, how it is ended.
#
#   DIR/belfry.yaml   made once; yours from then on
#   DIR/nginx.conf    made anew at each start
#   DIR/run           sockets, process ids, the lock that the running quickstart holds
#   DIR/history DIR/log DIR/admin.token

lock=run/quickstart.lock

# Whether a quickstart runs on the state folder: it holds the lock.
instance__runs() {
  [ -e "$state/$lock" ] && ! flock -n "$state/$lock" true
}

instance_refuse_second() {
  if instance__runs; then
    die "it runs already on $state (process $(cat "$state/run/quickstart.pid" 2>/dev/null)). End it with: ./quickstart stop --state $state"
  fi
}

instance_refuse_port() {
  if http_port_taken; then
    die "port $port is in use by another program. Choose another one with --port"
  fi
}

instance_stop() {
  instance__runs || die "nothing runs on $state"
  local pid
  pid=$(cat "$state/run/quickstart.pid") || exit 1
  kill -TERM "$pid" || exit 1
  flock -w 60 "$state/$lock" true || die "process $pid has not ended within a minute"
  say "ended"
}

# Makes what is missing of the state folder.
instance_prepare() {
  case $state$source_dir in
    *[\"\\\$\;{}]* | *$'\n'*) die "nginx cannot take a path with one of \" \\ \$ ; { } in it: $state, $source_dir" ;;
  esac
  if ! (umask 077 && mkdir -p "$state" "$state/run" "$state/log" "$state/tmp"); then
    die "cannot make the state folder $state"
  fi
  state=$(cd "$state" && pwd)
  instance__choose_sockets
  [ -e "$state/belfry.yaml" ] || instance__write_configuration
  if ! { ln -sfn "$source_dir/nginx" "$state/belfry" && instance__write_nginx_conf >"$state/nginx.conf"; }; then
    die "cannot write $state/nginx.conf"
  fi
  local file
  for file in "$state"/log/*.log; do
    instance__rotate "$file"
  done
}

# A socket's path holds 107 bytes. Where the state folder is too deep for that, the sockets are in a short folder of our
# own, which $state/run/sockets remembers.
instance__choose_sockets() {
  sockets=$state/run
  [ "$(printf %s "$sockets/history.sock" | wc -c)" -gt 107 ] || return 0
  sockets=$(cat "$state/run/sockets" 2>/dev/null)
  if [ -z "$sockets" ] || [ -L "$sockets" ] || [ ! -d "$sockets" ] || [ ! -O "$sockets" ]; then
    sockets=$(mktemp -d "${XDG_RUNTIME_DIR:-/tmp}/belfry-XXXXXXXX") || exit 1
    printf '%s\n' "$sockets" >"$state/run/sockets"
  fi
  export BELFRY_PATHS_RUN=$sockets
}

# A log that has grown beyond 16 MiB is put aside at a start; one such is kept.
instance__rotate() {
  [ ! -f "$1" ] || [ "$(stat -c %s "$1")" -le 16777216 ] || mv -f "$1" "$1.1"
}

instance__write_configuration() {
  cat >"$state/belfry.yaml" <<TEXT
# Belfry's configuration, made once by quickstart and yours from now on: belfry.yaml(5) tells what there is.
# Relative paths are taken from this folder.
paths:
  state: .
  run: run

access:
  # Part of the session cookie's name: instances on one host must not sign each other out.
  instance: quickstart-$port

watch:
  interval: 10s
  host_interval: 2s

# Services to watch, each with a name, a port, and a path that answers 200 while all is well.
services:
  - name: belfry
    port: $port
    health_endpoint: /health

# Log files whose lines become events.
logs:
  - path: log/access.log
    source: nginx
TEXT
}

instance__write_nginx_conf() {
  local files user=
  files=$(ulimit -n)
  # Two a live connection, and nginx may give one worker more of them than another.
  [ "$files" != unlimited ] && [ "$files" -lt 24576 ] || files=24576
  # As root nginx would give its workers to another user, who may not even enter the clone.
  [ "$(id -u)" != 0 ] || user="user root $(id -gn);"
  cat <<TEXT
# Made by quickstart at each start. What matters of it is in the folder belfry: see belfry/belfry-locations.conf.
$user
daemon off;
worker_processes auto;
pid "$state/run/nginx.pid";
error_log "$state/log/nginx.log" warn;
events {
    worker_connections $files;
}
http {
    server_tokens off;
    client_body_temp_path "$state/tmp/body";
    fastcgi_temp_path "$state/tmp/fastcgi";
    proxy_temp_path "$state/tmp/proxy";
    scgi_temp_path "$state/tmp/scgi";
    uwsgi_temp_path "$state/tmp/uwsgi";
    sendfile on;
    request_pool_size 1k;

    include belfry/belfry-http.conf;
    access_log "$state/log/access.log" belfry if=\$belfry_loggable;

    server {
        listen 127.0.0.1:$port backlog=4096;
        set \$belfry_run "$sockets";
        set \$belfry_htdocs "$source_dir/build/htdocs";
        set \$belfry_custom "\$belfry_htdocs";
        include belfry/belfry-locations.conf;
        include belfry/belfry-early.conf;
        location / {
            set \$belfry_prefix "";
            include belfry/belfry-mount.conf;
        }
    }
}
TEXT
}
