#!/usr/bin/env bash
# Makes the two images that a public registry would give: culm-base:bookworm (for python:3.12-slim) and
# culm-postgres:bookworm (for postgres:17-alpine), from Debian's packages. Either is left alone if it is there.
#
# With `languages` as its argument it makes culm-languages:bookworm, too, with Node.js and its package managers, pip and uv.
#
# The bootstrapped tree is kept in ${CULM_CI_CACHE:-/var/cache/culm-ci} for the next engine.
set -euo pipefail

cache=${CULM_CI_CACHE:-/var/cache/culm-ci}
bundle=etc/ssl/certs/ca-certificates.crt
mkdir -p "$cache"

have() {
  docker image inspect "$1" >/dev/null 2>&1
}

if ! have culm-base:bookworm; then
  if [[ ! -d $cache/root ]]; then
    rm -rf "$cache/root.part"
    debootstrap --variant=minbase --include=ca-certificates,python3,python3-venv bookworm "$cache/root.part"
    mv "$cache/root.part" "$cache/root"
  fi
  cp "/$bundle" "$cache/root/$bundle" # what this machine trusts, the builds on it trust
  tar -C "$cache/root" --exclude='./var/cache/apt/archives/*.deb' --exclude='./var/lib/apt/lists/*_*' -c . |
    docker import --change 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' - culm-base:bookworm
fi

if ! have culm-postgres:bookworm; then
  DOCKER_BUILDKIT=0 docker build --network host --tag culm-postgres:bookworm "$(dirname "$0")/postgres"
fi

if [[ ${1:-} == languages ]] && ! have culm-languages:bookworm; then
  DOCKER_BUILDKIT=0 docker build --network host --tag culm-languages:bookworm "$(dirname "$0")/languages"
fi
