# A small HTTP client for 127.0.0.1, so that nothing has to be installed for it.

# http METHOD PATH [BODY [HEADER...]]: asks the instance on $port. Sets http_status (000 when nobody answers) and
# http_body.
http() {
  local method=$1 path=$2 body=${3-} header line request
  shift 2
  [ $# -eq 0 ] || shift
  http_status=000 http_body=
  request="$method $path HTTP/1.0"$'\r\n'"Host: 127.0.0.1:$port"$'\r\n'
  for header; do
    request+=$header$'\r\n'
  done
  [ -z "$body" ] || request+="Content-Type: application/json"$'\r\n'"Content-Length: $(printf %s "$body" | wc -c)"$'\r\n'
  { exec 8<>"/dev/tcp/127.0.0.1/$port"; } 2>/dev/null || return 1
  printf '%s\r\n%s' "$request" "$body" >&8 2>/dev/null
  IFS=' ' read -r -t 10 -u 8 _ http_status _ || http_status=000
  while IFS= read -r -t 10 -u 8 line && [ "$line" != $'\r' ]; do :; done
  http_body=$(timeout 10 cat <&8)
  exec 8>&-
}

# Whether somebody listens on the port already.
http_port_taken() {
  (exec 8<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null
}
