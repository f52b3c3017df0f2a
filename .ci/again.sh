# shellcheck shell=bash
# Sourced: tests that failed run once more, by themselves, after everything else has ended. On a busy machine a wait can
# be too short while nothing is broken; and a run of this takes too long to be thrown away for it. Such a test is at
# fault all the same, so both outputs stay, and the last lines name it.
#
#   tests RING ARGUMENTS COMMAND...   runs the command with PYTEST_ARGS=..., as `make test-pure` takes it
#   failures_are_few                  fails at once if there is nothing to be gained by going on
#   tests_again                       runs again what failed in all rings; succeeds only if everything has passed now
#   tests_said                        the last lines
#
# More than five failures are no accident, and a run that broke off (no collection, an error of pytest's own) has tests
# that never ran: neither is run again.
outcomes=$(mktemp -d)
most_again=5
declare -A failed=()
passed_again=()

tests() {
  local ring=$1 arguments=$2 status=0
  shift 2
  mkdir -p "$outcomes/$ring"
  printf '%s\n' "$arguments" "$@" >"$outcomes/$ring/command"
  "$@" "PYTEST_ARGS=$arguments -o cache_dir='$outcomes/$ring/cache'" || status=$?
  echo "$status" >"$outcomes/$ring/status"
  return "$status"
}

# The tests of a ring that failed, one a line; fails if that was not all that went wrong.
tests_failed() {
  python3 - "$outcomes/$1/cache/v" <<'END'
import json, pathlib, sys

kept = pathlib.Path(sys.argv[1])
try:
    names = sorted(json.loads((kept / "cache/lastfailed").read_text()))
    came_to_its_end = json.loads((kept / "culm/exitstatus").read_text()) == 1
except FileNotFoundError:
    sys.exit(1)
if not names or not came_to_its_end or not all("::" in name for name in names):
    sys.exit(1)
print(*names, sep="\n")
END
}

# Fills `failed`, by ring; fails, with the reason, where nothing may be run again.
failures_are_few() {
  local folder ring names count=0
  for folder in "$outcomes"/*/; do
    ring=$(basename "$folder")
    [[ $(cat "$folder/status" 2>/dev/null) != 0 ]] || continue
    names=$(tests_failed "$ring") || {
      echo "$ring: more went wrong than tests that fail, so nothing is run again" >&2
      return 1
    }
    failed[$ring]=$names
    count=$((count + $(wc -l <<<"$names")))
  done
  if ((count > most_again)); then
    echo "$count tests failed, more than $most_again: none is run again" >&2
    return 1
  fi
}

tests_again() {
  local ring status=0
  failures_are_few || return 1
  for ring in "${!failed[@]}"; do
    printf '%s: these failed and run once more, by themselves:\n%s\n' "$ring" "${failed[$ring]}"
    if ring_again "$ring"; then
      mapfile -t -O "${#passed_again[@]}" passed_again <<<"${failed[$ring]}"
    else
      status=1
    fi
  done
  return "$status"
}

ring_again() {
  local words
  mapfile -t words <"$outcomes/$1/command"
  "${words[@]:1}" "PYTEST_ARGS=${words[0]} -o cache_dir='$outcomes/$1/cache' --last-failed -n 0" &&
    [[ $(cat "$outcomes/$1/cache/v/cache/lastfailed") == "{}" ]] # what did not run did not pass
}

tests_said() {
  ((${#passed_again[@]})) || return 0
  printf 'passed only when run again: %s\n' "${passed_again[@]}"
  echo "A test that fails now and then is a fault all the same: please see to it."
}
