# `quickstart check`: everything that has to be right before a change goes in, one line a stage. A stage that fails does
# not keep the next ones from running; the end says which failed, and the status is 1.

check() {
  check_began=$SECONDS check_failed=()
  packages_provide "${packages_to_run[@]}" "${packages_to_check[@]}"
  check_dir=$source_dir/build-check
  check_logs=$check_dir/check-logs
  mkdir -p "$check_logs" || exit 1

  check__stage 'build with gcc' check__build "$check_dir" --enable-werror
  check__stage 'unit tests, fuzz corpus' check__unit "$check_dir"
  check__stage 'shell scripts' check__shell
  check__stage 'manual pages' check__manual
  check__stage 'packages of the tests' check__modules
  check__stage 'types of the pages' check__types
  check__stage 'system tests' check__node system
  check__stage 'browser tests' check__node browser
  check__stage 'build with clang' check__clang
  check__stage 'build with sanitizers' check__build "$source_dir/build-asan" --with-sanitizer=address,undefined
  check__stage 'unit tests, sanitizers' check__unit "$source_dir/build-asan"
  check__stage 'system tests, sanitizers' check__sanitized

  if [ ${#check_failed[@]} -gt 0 ]; then
    printf 'belfry: check FAILED after %d s:%s\n' $((SECONDS - check_began)) "$(printf ' %s;' "${check_failed[@]}")"
    exit 1
  fi
  printf 'belfry: check passed in %d s\n' $((SECONDS - check_began))
}

# check__stage NAME COMMAND...: runs one stage; its output is shown only when it fails.
check__stage() {
  local name=$1 log=$check_logs/${1//[ ,]/-}.log began=$SECONDS result=ok
  shift
  if ! "$@" >"$log" 2>&1 </dev/null; then
    result=FAILED
    check_failed+=("$name")
  fi
  printf '%-7s %-24s %4d s  %s\n' "$result" "$name" $((SECONDS - began)) "$(check__figures "$log")"
  [ "$result" = ok ] || check__show "$log"
}

# What a log says about how many tests ran.
check__figures() {
  awk '
    /^# TOTAL:/ { programs = $3 }
    /^\[  PASSED  \] [0-9]+ test/ { cases += $4 }
    /^(ℹ|#) tests [0-9]+/ { tests = $3 }
    /^(ℹ|#) pass [0-9]+/ { passed = $3 }
    /^(ℹ|#) fail [0-9]+/ { failed = $3 }
    /^(ℹ|#) skipped [0-9]+/ { skipped = $3 }
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

check__unit() {
  local status log
  make -C "$1" -s -j"$(nproc)" check
  status=$?
  for log in "$1"/tests/*.log "$1"/tests/*/*.log "$1"/tests/*/*/*.log; do
    [ ! -f "$log" ] || cat "$log"
  done
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

# Files one after the other: each starts its own nginx and daemons, and two cores are soon busy.
check__node() {
  BELFRY_BUILD=$check_dir setpriv --pdeathsig TERM node --test --test-reporter=spec --test-concurrency=1 "$source_dir/tests/$1/"*.test.mjs
}

# The daemons of the build with sanitizers under the system tests; the harness fails a test for what one of them reports.
# Without the test of quickstart, which makes builds of its own.
check__sanitized() {
  local tests
  mapfile -t tests < <(find "$source_dir/tests/system" -name '*.test.mjs' ! -name 'quickstart.test.mjs' | sort)
  BELFRY_BUILD=$source_dir/build-asan ASAN_OPTIONS=detect_leaks=1 setpriv --pdeathsig TERM \
    node --test --test-reporter=spec --test-concurrency=1 "${tests[@]}"
}
