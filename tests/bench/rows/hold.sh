# 9,500 clients through nginx with events flowing, held for HOLD_SECONDS; then kill -9 of belfry-pushd, and everybody
# comes back with `since`: at once, which is the worst, and then spread as a client should. Back is who has got all that
# it missed and hears live events again. At the end each client must have got each event exactly once.
# shellcheck shell=bash

hold_seconds=${HOLD_SECONDS:-10}
hold_clients=${HOLD_CLIENTS:-9500}
hold_rate=${HOLD_RATE:-2}

# hold_and_kill NAME HOW SECONDS_BEFORE
hold_and_kill() {
  local name=$1 how=$2 before=$3 after=25 killer
  say "$hold_clients clients for $before s, then kill -9; they return $how"
  (
    # Only once all are there does the time begin.
    await "the clients" grep -q "clients open" "$work/$name.out" && sleep "$before" && kill -9 "$(pid_of belfry-pushd)"
  ) &
  killer=$!
  : >"$work/$name.out"
  # shellcheck disable=SC2046
  measure "$name" $(through_nginx) -a 4 -P "127.0.0.1:$port/api/events" -c "$hold_clients" -r "$hold_rate" -R "$how" \
    -s $((before + after)) >"$work/$name.out" || true
  wait $killer || true
  cat "$work/$name.out"
}

hold_result() {
  [ -s "$work/$1.figures" ] || {
    row "$2" "not measured" "" "" "<= 15 s" 0
    return
  }
  local back
  back=$(figure "$1" back_s)
  row "$2" "$back s, $(figure "$1" with_all) of $hold_clients gapless" "" "" "<= 15 s, all" \
    "$back >= 0 && $back <= 15 && $(figure "$1" with_all) == $hold_clients"
}

hold_row() {
  hold_and_kill hold_at_once at-once "$hold_seconds"
  hold_result hold_at_once "all back after kill -9, at once"
  hold_and_kill hold_jittered jittered 5
  hold_result hold_jittered "all back after kill -9, spread"
}
