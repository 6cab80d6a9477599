# From POST /api/events to the client, both through nginx, 10 events a second.
# shellcheck shell=bash

latency_row() {
  local count
  for count in 1000 100; do
    say "$count clients, 10 events/s"
    # shellcheck disable=SC2046
    measure "latency_$count" $(through_nginx) -P "127.0.0.1:$port/api/events" -c $count -r 10 -s $((seconds * 2)) \
      -C "$(pid_of belfry-pushd),$(workers_of_nginx "$(pid_of nginx)")"
  done
  row "POST to client p50, 1,000 clients" "$(figure latency_1000 p50_ms) ms" "" "" "<= 5 ms" "$(figure latency_1000 p50_ms) <= 5"
  row "POST to client p99, 1,000 clients" "$(figure latency_1000 p99_ms) ms" "" "" "<= 20 ms" "$(figure latency_1000 p99_ms) <= 20"
  row "POST to client p99, 100 clients" "$(figure latency_100 p99_ms) ms" "" "" "<= 10 ms" "$(figure latency_100 p99_ms) <= 10"
}
