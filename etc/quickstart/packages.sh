# What has to be installed: Debian packages, each looked for first, so that nothing happens when all is there.
# "command:package" is there when the command is, wherever it comes from; a plain name is a package.

packages_to_run=(
  autoconf:autoconf automake:automake pkg-config:pkg-config gcc:gcc make:make libc6-dev
  libfcgi-dev libjansson-dev libsqlite3-dev libev-dev libyaml-dev zlib1g-dev libzstd-dev libssl-dev libcurl4-openssl-dev
  libnghttp2-dev libjwt-dev libcrypt-dev libpcre2-dev libsystemd-dev
  nginx:nginx npm:npm curl:curl ca-certificates tzdata
)
# shellcheck disable=SC2034 # used by check.sh
packages_to_check=(
  libcmocka-dev fonts-dejavu-core clang:clang g++:g++ chromium:chromium sqlite3:sqlite3 ip:iproute2 mandoc:mandoc shellcheck:shellcheck
  nghttpx:nghttp2-proxy apache2:apache2-bin
  python3-websockets python3-aiohttp promtool:prometheus openssl:openssl python3-grpcio python3-aiosmtpd monitoring-plugins-basic
  redis-server:redis-server postgresql dbus-daemon:dbus-daemon python3-dbus python3-gi systemd-journal-remote
)

packages__is_there() {
  case $1 in
    *:*) PATH=$PATH:/usr/sbin:/sbin command -v "${1%:*}" >/dev/null ;;
    *) ! command -v dpkg-query >/dev/null || dpkg-query -W -f '${db:Status-Status}\n' "$1" 2>/dev/null | grep -qx installed ;;
  esac
}

# packages_provide NAME...: sees to it that all of them are there.
packages_provide() {
  local wanted missing=()
  for wanted; do
    packages__is_there "$wanted" || missing+=("${wanted#*:}")
  done
  [ ${#missing[@]} -gt 0 ] || return 0

  local by_hand="apt-get update && apt-get install --no-install-recommends ${missing[*]}"
  [ "$install" = yes ] || die "missing: ${missing[*]}. Install them first: $by_hand"
  command -v apt-get >/dev/null ||
    die "missing: ${missing[*]} (Debian's names), and there is no apt-get here. Install them by hand."
  [ "$(id -u)" = 0 ] ||
    die "missing: ${missing[*]}. Run this again with sudo, or install them as root: $by_hand"
  packages__install "${missing[@]}"
}

packages__install() {
  say "installing ${#missing[@]} Debian packages: $*"
  local log
  log=$(mktemp) || exit 1
  packages__hold_services
  trap packages__release_services EXIT
  if ! { apt-get -o DPkg::Lock::Timeout=300 update &&
    DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 -y --no-install-recommends install "$@"; } \
    >"$log" 2>&1 </dev/null; then
    show_log "$log" 20
    die "apt-get could not install them; its whole output is in $log"
  fi
  packages__release_services
  trap - EXIT
  local wanted
  for wanted; do
    case $wanted in
      nginx | prometheus | redis-server | postgresql) packages__disable_service "$wanted" ;;
      nghttp2-proxy) packages__disable_service nghttpx ;;
    esac
  done
  rm -f "$log"
}

# Debian starts a service when its package is installed. We want nginx's program, not a server on port 80: the usual way
# to say so is a policy-rc.d, which is there only for that moment. One that is there already is left alone.
packages__hold_services() {
  held=no
  [ ! -e /usr/sbin/policy-rc.d ] || return 0
  printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d && chmod 755 /usr/sbin/policy-rc.d && held=yes
}

packages__release_services() {
  [ "$held" = no ] || rm -f /usr/sbin/policy-rc.d
  held=no
}

packages__disable_service() {
  command -v systemctl >/dev/null || return 0
  systemctl disable "$1" >/dev/null 2>&1 && say "the system's own $1 service is installed, but neither started nor enabled"
}
