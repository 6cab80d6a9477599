# `quickstart check`: everything that has to be right before a change goes in, one line a stage. A stage that fails does
# not keep the next ones from running; the end says which failed, and the status is 1.

check() {
  check_began=$SECONDS
  packages_provide "${packages_to_run[@]}" "${packages_to_check[@]}"
  check_dir=$source_dir/build-check
  check_logs=$check_dir/check-logs
  check_failed=$check_logs/failed
  mkdir -p "$check_logs" && : >"$check_failed" || exit 1

  check__stage 'build with gcc' check__build "$check_dir" --enable-werror
  check__stage 'unit tests, fuzz corpus' check__unit "$check_dir"
  check__stage 'shell scripts' check__shell
  check__stage 'manual pages' check__manual
  check__stage 'packages of the tests' check__modules
  check__stage 'types of the pages' check__types
  check__other_builds &
  check_builds=$!
  check__stage 'system tests' check__system
  check__stage 'browser tests' check__browser
  wait "$check_builds"
  check__stage 'unit tests, sanitizers' check__sanitized_unit
  check__stage 'system tests, sanitizers' check__sanitized

  if [ -s "$check_failed" ]; then
    printf 'belfry: check FAILED after %d s:%s\n' $((SECONDS - check_began)) "$(sed 's/.*/ &;/' "$check_failed" | tr -d '\n')"
    exit 1
  fi
  printf 'belfry: check passed in %d s\n' $((SECONDS - check_began))
}

# Made beside the system tests, out of the processor time that those leave: they wait more than they work.
check__other_builds() {
  renice -n 19 "$BASHPID" >/dev/null
  check__stage 'build with clang' check__clang
  check__stage 'build with sanitizers' check__sanitizer_build
}

# check__stage NAME COMMAND...: runs one stage; its output is shown only when it fails.
check__stage() {
  local name=$1 log=$check_logs/${1//[ ,]/-}.log began=$SECONDS result=ok
  shift
  if ! "$@" >"$log" 2>&1 </dev/null; then
    result=FAILED
    echo "$name" >>"$check_failed"
  fi
  printf '%-7s %-24s %4d s  %s\n' "$result" "$name" $((SECONDS - began)) "$(check__figures "$log")"
  [ "$result" = ok ] || check__show "$log"
}

# What a log says about how many tests ran.
check__figures() {
  awk '
    /^# TOTAL:/ { programs = $3 }
    /^\[  PASSED  \] [0-9]+ test/ { cases += $4 }
    /^(ℹ|#) tests [0-9]+/ { tests += $3 }
    /^(ℹ|#) pass [0-9]+/ { passed += $3 }
    /^(ℹ|#) fail [0-9]+/ { failed += $3 }
    /^(ℹ|#) skipped [0-9]+/ { skipped += $3 }
    END {
      if (programs > 0) printf "%d programs, %d test cases passed", programs, cases
      if (tests != "") printf "%d tests: %d passed, %d failed, %d skipped", tests, passed, failed, skipped
    }' "$1"
}

check__show() {
  # The failures of node and automake first, as the end alone often does not hold them.
  grep -nE '^(FAIL|ERROR)|✖|not ok|\[  FAILED  \]|(error|warning):' "$1" | head -n 40 | sed 's/^/    /'
  show_log "$1" 60 2>&1
}

check__build() {
  local dir=$1
  shift
  mkdir -p "$dir" && build__steps "$dir" "$@"
}

# Compiles the tests too, and runs none: gcc's have run already.
check__clang() {
  check__build "$source_dir/build-clang" CC=clang --enable-werror &&
    make -C "$source_dir/build-clang" -s -j"$(nproc)" check TESTS=
}

# The tests of the build with sanitizers too, which make would else compile one by one.
check__sanitizer_build() {
  check__build "$source_dir/build-asan" --with-sanitizer=address,undefined &&
    make -C "$source_dir/build-asan" -s -j"$(nproc)" check TESTS=
}

check__unit() {
  local status log
  make -C "$1" -s -j"$(nproc)" check
  status=$?
  for log in "$1"/tests/*.log "$1"/tests/*/*.log "$1"/tests/*/*/*.log; do
    [ ! -f "$log" ] || cat "$log"
  done
  return $status
}

# With their histories in memory where there is room: how they fare on a disk is seen without sanitizers.
check__sanitized_unit() {
  local folder=/tmp status room
  room=$(df --output=avail -k /dev/shm 2>/dev/null | tail -n 1)
  [ "${room:-0}" -lt 1048576 ] || folder=$(mktemp -d /dev/shm/belfry-check.XXXXXX) || folder=/tmp
  TMPDIR=$folder check__unit "$source_dir/build-asan"
  status=$?
  [ "$folder" = /tmp ] || rm -rf "$folder"
  return $status
}

check__shell() {
  # Variables that the parts of quickstart share look unused, or never set, to one who reads a part alone.
  shellcheck -s bash -e SC1091,SC2034,SC2154 "$source_dir/quickstart" "$source_dir"/etc/quickstart/*.sh \
    "$source_dir/etc/quickstart/demo" && shellcheck "$source_dir/tests/check-includes" "$source_dir/.ci/run"
}

check__manual() {
  local pages
  mapfile -t pages < <(find "$source_dir/man" "$check_dir/man" -name '*.[1-8]' 2>/dev/null)
  [ ${#pages[@]} -gt 0 ] || { echo 'there are no manual pages' && return 1; }
  mandoc -Tlint -W warning "${pages[@]}"
}

# The npm packages that only tests need, in the build folder.
check__modules() {
  local dir=$check_dir/tests-npm
  export BELFRY_TEST_MODULES=$dir/node_modules
  mkdir -p "$dir" && cp "$source_dir"/tests/{package.json,package-lock.json,.npmrc} "$dir" || return 1
  ! cmp -s "$dir/done" "$dir/package-lock.json" || return 0
  npm --prefix "$dir" ci && cp "$dir/package-lock.json" "$dir/done"
}

check__types() {
  "$BELFRY_TEST_MODULES/.bin/tsc" -p "$source_dir/htdocs/jsconfig.json"
}

# check__node BUILD FILE...: tests of pages and daemons, two files at a time, as they wait more than they work. Each
# starts its own nginx and daemons. One that says in its head that it runs by itself does: it measures, or stops programs.
check__node() {
  local build=$1 alone together status=0
  shift
  mapfile -t alone < <(grep -l '^ \* Runs by itself: ' "$@")
  mapfile -t together < <(grep -L '^ \* Runs by itself: ' "$@")
  [ ${#together[@]} -eq 0 ] || check__node_at_a_time 2 "$build" "${together[@]}" || status=1
  [ ${#alone[@]} -eq 0 ] || check__node_at_a_time 1 "$build" "${alone[@]}" || status=1
  return $status
}

check__node_at_a_time() {
  BELFRY_BUILD=$2 setpriv --pdeathsig TERM node --test --test-reporter=spec --test-concurrency="$1" "${@:3}"
}

check__system() {
  check__node "$check_dir" "$source_dir"/tests/system/*.test.mjs
}

check__browser() {
  check__node "$check_dir" "$source_dir"/tests/browser/*.test.mjs
}

# The daemons of the build with sanitizers under the system tests; the harness fails a test for what one of them reports.
# Without the test of quickstart, which makes builds of its own.
check__sanitized() {
  local tests
  mapfile -t tests < <(find "$source_dir/tests/system" -name '*.test.mjs' ! -name 'quickstart.test.mjs' | sort)
  ASAN_OPTIONS=detect_leaks=1 check__node "$source_dir/build-asan" "${tests[@]}"
}
