#!/bin/sh
# BELFRY_URL=http://127.0.0.1:8080/ BELFRY_KEY_FILE=ingest.key ./emit.sh TYPE ['{"json":"data"}']
# Sends one event; again and again while the server is away. Its id makes that harmless.
url=${BELFRY_URL:-http://127.0.0.1:8080/}
id=$(cat /proc/sys/kernel/random/uuid)
printf 'header = "Authorization: Bearer %s"\n' "$(cat "$BELFRY_KEY_FILE")" |
  curl -K - -sS --fail-with-body --retry 5 --retry-connrefused --max-time 30 \
    -H 'Content-Type: application/json' \
    -d "{\"event\":\"$1\",\"event_id\":\"$id\",\"source\":\"emit.sh\",\"data\":${2:-{\}}}" "${url%/}/api/events"
