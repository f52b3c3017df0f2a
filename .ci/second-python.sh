# shellcheck shell=bash
# Sourced: the pure rings on a second Python, in the background and with the lowest priority; `second_python_ends` waits
# for them and shows what they said. A machine with one Python says so, and goes on: GitHub's workflow has them all.
second_python=
for candidate in python3.14 python3.13 python3.12 "$HOME"/.pyenv/versions/3.1[2-9]*/bin/python; do
  version=$("$candidate" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) || continue
  [[ $version != "$(.venv/bin/python -c 'import sys; print("%d.%d" % sys.version_info[:2])')" ]] || continue
  [[ -z $second_python || $version > $second_version ]] || continue
  second_python=$candidate second_version=$version
done

if [[ -n $second_python ]]; then
  second_log=$(mktemp)
  # a folder of its own for what tests write: pytest clears old ones away, and two at once trip over each other
  PYTEST_DEBUG_TEMPROOT=$(mktemp -d) nice -n 19 make test-on ON="$second_python" ENVIRONMENT="$CULM_CI_CACHE/python-$second_version" >"$second_log" 2>&1 &
  second_job=$!
fi

second_python_ends() {
  if [[ -z $second_python ]]; then
    echo "no second Python on this machine: the pure rings ran on one"
    return
  fi
  local status=0
  wait "$second_job" || status=$?
  echo "the pure rings on Python $second_version:"
  if ((status)); then cat "$second_log"; else tail -1 "$second_log"; fi
  return "$status"
}
