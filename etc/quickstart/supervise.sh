# Starts the programs of an instance, starts again what dies, and ends all of them in order.
# Needs: state, sockets, port, source_dir.

daemons=(belfry-historyd belfry-fcgi belfry-pushd belfry-watchd)
declare -A job_of_pid pid_of_job started_at failures left_by

supervise__command() {
  case $1 in
    belfry-*) command=("$source_dir/build/$1" -c "$state/belfry.yaml") ;;
    nginx) command=("$nginx" -p "$state" -c "$state/nginx.conf" -e "$state/log/nginx.log") ;;
    demo) command=("$source_dir/etc/quickstart/demo" "$port" "$state") ;;
  esac
}

# Starts one program in a process group of its own (so that Ctrl-C reaches only us, and its children can be found), which
# the kernel ends if we are killed.
supervise__start() {
  local name=$1 command
  supervise__command "$name"
  setsid setpriv --pdeathsig TERM "${command[@]}" >>"$state/log/$name.log" 2>&1 </dev/null 9>&- &
  supervise__remember "$name" $!
  printf '%s\n' $! >"$state/run/$name.pid"
  started_at[$name]=$SECONDS
}

supervise__remember() {
  job_of_pid[$2]=$1
  pid_of_job[$1]=$2
}

# Ends programs: asks, waits, then insists, also with whatever a dead program left in its group.
supervise__end() {
  local name pid
  for name; do
    pid=${pid_of_job[$name]-}
    [ -z "$pid" ] || kill -TERM "$pid" 2>/dev/null
  done
  for name; do
    pid=${pid_of_job[$name]-}
    [ -n "$pid" ] || continue
    local deadline=$((SECONDS + 15))
    while kill -0 "$pid" 2>/dev/null && [ $SECONDS -lt $deadline ]; do
      sleep 0.05
    done
    kill -KILL -- "-$pid" 2>/dev/null
    rm -f "$state/run/$name.pid"
    unset "pid_of_job[$name]" "job_of_pid[$pid]"
  done
}

# Ends everything, nginx first and the writer of the history last.
supervise__finish() {
  trap '' INT TERM HUP
  local status=$1 name
  for name in "${!pid_of_job[@]}"; do
    case $name in
      timer:*) kill "${pid_of_job[$name]}" 2>/dev/null ;;
    esac
  done
  [ "$status" != 0 ] || say "ending"
  supervise__end demo nginx
  supervise__end belfry-watchd belfry-pushd belfry-fcgi
  supervise__end belfry-historyd
  rm -f "$state"/run/{ready,quickstart.pid,nginx.pid} "$sockets"/*.{sock,bell}
  if [ "$sockets" != "$state/run" ]; then
    rm -f "$state/run/sockets"
    rmdir "$sockets" 2>/dev/null
  fi
  exit "$status"
}

supervise__fail() {
  say "$1"
  show_log "$2"
  supervise__finish 1
}

# Waits until the first page can be served and all of Belfry is healthy (or, for some seconds more, at least answers); a
# program that ends before that is a failure.
supervise__await_ready() {
  local name deadline=$((SECONDS + 30)) patience=$((SECONDS + 10))
  while :; do
    for name in "${daemons[@]}" nginx; do
      kill -0 "${pid_of_job[$name]}" 2>/dev/null ||
        supervise__fail "$name ended while starting" "$state/log/$name.log"
    done
    # /health first: it leaves no line in the access log, which is about to become the first events.
    [ -s "$state/admin.token" ] && http GET /health && [ "$http_status" = 200 ] &&
      { [[ $http_body == *'"status":"healthy","service"'* ]] || [ $SECONDS -ge $patience ]; } &&
      http GET /dashboard && [ "$http_status" = 200 ] && return 0
    [ $SECONDS -lt $deadline ] || break
    sleep 0.1
  done
  http GET /dashboard
  [ "$http_status" = 200 ] || supervise__fail "/dashboard is answered with $http_status" "$state/log/nginx.log"
  http GET /health
  [ "$http_status" = 503 ] || supervise__fail "/health is answered with $http_status" "$state/log/belfry-fcgi.log"
  say "not healthy yet: $http_body"
}

supervise__announce() {
  printf 'belfry: ready at http://127.0.0.1:%s/\n' "$port"
  printf 'Sign in at http://127.0.0.1:%s/login with the key in %s/admin.token\n' "$port" "$state"
}

# Arranges that a program that has died is started again: at once the first time, then after a growing pause.
supervise__start_later() {
  local name=$1 how=$2 pauses=(0.1 0.5 1 2 5 10)
  [ $((SECONDS - ${started_at[$name]})) -lt 30 ] || failures[$name]=0
  local pause=${pauses[${failures[$name]:-0}]}
  [ "${failures[$name]:-0}" -ge 5 ] || failures[$name]=$((${failures[$name]:-0} + 1))
  say "$name ended ($how); starting it again in $pause s"
  kill -TERM -- "-${pid_of_job[$name]}" 2>/dev/null
  left_by[$name]=${pid_of_job[$name]}
  sleep "$pause" 9>&- &
  supervise__remember "timer:$name" $!
}
# Runs until a signal ends it.
supervise__watch() {
  local pid status job
  while :; do
    pid=
    # Without bash's own remark about a child that was killed.
    { wait -n -p pid; } 2>/dev/null
    status=$?
    job=${job_of_pid[${pid:-0}]-}
    unset "job_of_pid[${pid:-0}]"
    case $job in
      '') ;;
      timer:*)
        job=${job#timer:}
        kill -KILL -- "-${left_by[$job]}" 2>/dev/null
        supervise__start "$job"
        ;;
      *) supervise__start_later "$job" "$(supervise__how_ended $status)" ;;
    esac
  done
}

supervise__how_ended() {
  if [ "$1" -gt 128 ]; then
    printf 'signal %s' "$(kill -l "$1")"
  else
    printf 'status %s' "$1"
  fi
}

# The foreground: starts everything and stays.
supervise() {
  ulimit -n "$(($(ulimit -Hn) < 65536 ? $(ulimit -Hn) : 65536))" 2>/dev/null
  instance_prepare
  exec 9>"$state/$lock"
  flock -n 9 || die "it runs already on $state"
  printf '%s\n' $$ >"$state/run/quickstart.pid"
  rm -f "$state/run/ready"
  nginx=$(PATH=$PATH:/usr/sbin:/sbin command -v nginx) || die "there is no nginx"
  trap 'supervise__finish 0' INT TERM HUP

  local name
  for name in "${daemons[@]}" nginx; do
    supervise__start "$name"
  done
  supervise__await_ready
  [ "$demo" = no ] || supervise__start demo
  : >"$state/run/ready"
  supervise__announce
  supervise__watch
}

# The background: leaves a supervisor behind that writes to log/quickstart.log, and returns when it is ready.
supervise_detached() {
  local log=$state/log/quickstart.log said options=()
  [ "$demo" = no ] || options+=(--demo)
  touch "$log"
  said=$(stat -c %s "$log")
  rm -f "$state/run/ready"
  setsid "$source_dir/quickstart" supervise --port "$port" --state "$state" "${options[@]}" \
    >>"$log" 2>&1 </dev/null &
  local pid=$!
  while [ ! -e "$state/run/ready" ]; do
    if ! kill -0 "$pid" 2>/dev/null; then
      tail -c "+$((said + 1))" "$log" >&2
      exit 1
    fi
    sleep 0.1
  done
  supervise__announce
  printf 'End it with: %s stop --state %s\n' "$source_dir/quickstart" "$state"
}
