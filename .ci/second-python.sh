# shellcheck shell=bash
# Sourced: finds the newest Python here besides that of .venv, and `second_python WORDS` runs the pure rings on it,
# with these words for make: less what no Python changes (tests/share.py says what, and why). A machine with one Python
# says so, and goes on: GitHub's workflow has them all, and plays all on each.
second_python=
for candidate in python3.14 python3.13 python3.12 "$HOME"/.pyenv/versions/3.1[2-9]*/bin/python; do
  version=$("$candidate" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) || continue
  [[ $version != "$(.venv/bin/python -c 'import sys; print("%d.%d" % sys.version_info[:2])')" ]] || continue
  [[ -z $second_python || $version > $second_version ]] || continue
  second_python=$candidate second_version=$version
done

second_python() {
  if [[ -z $second_python ]]; then
    echo "no second Python on this machine: the pure rings ran on one"
    return
  fi
  CULM_SECOND_PYTHON=1 nice -n 19 make test-on ON="$second_python" ENVIRONMENT="$CULM_CI_CACHE/python-$second_version" "$@"
}
