# How quickstart speaks: what it does on stderr, what scripts wait for on stdout.

say() {
  printf 'belfry: %s\n' "$*" >&2
}

die() {
  say "$*"
  exit 1
}

wrong_usage() {
  say "$*"
  printf 'Try ./quickstart --help\n' >&2
  exit 2
}

# The end of a log, indented, for a message about it.
show_log() {
  [ -s "$1" ] || return 0
  printf '  the end of %s:\n' "$1" >&2
  tail -n "${2-15}" "$1" | sed 's/^/    /' >&2
}
