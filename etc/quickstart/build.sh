# Builds Belfry out of tree. Quick when nothing has changed: make decides what is to be done.

# build_make DIR [OPTION...]: configures DIR with the options the first time, then makes all in it.
build_make() {
  local dir=$1 log=$1/build.log
  shift
  mkdir -p "$dir" || die "cannot make the folder $dir"
  [ -f "$dir/Makefile" ] || say "building Belfry in $dir (a minute or two the first time)"
  # Another quickstart may be building in the same clone.
  exec 7>"$dir/build.lock"
  flock 7
  if ! build__steps "$dir" "$@" >"$log" 2>&1 </dev/null 7>&-; then
    show_log "$log" 25
    die "the build failed; its whole output is in $log"
  fi
  exec 7>&-
}

build__steps() {
  local dir=$1
  shift
  if [ ! -x "$source_dir/configure" ]; then
    (cd "$source_dir" && autoreconf -i) || return 1
  fi
  if [ ! -f "$dir/Makefile" ]; then
    # A relative path to the sources, so that the clone may be moved and may lie in a folder with a blank in its name.
    (cd "$dir" && "$(realpath --relative-to=. "$source_dir")/configure" -q "$@") || return 1
  fi
  make -C "$dir" -s -j"$(nproc)"
}
