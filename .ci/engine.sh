# shellcheck shell=bash
# Sourced: install what the tests use and this machine lacks, start a Docker engine unless one answers; `engine_ends`
# stops it again.
missing=()
for pair in dockerd:docker.io iptables:iptables debootstrap:debootstrap haproxy:haproxy /usr/sbin/mariadbd:mariadb-server redis-server:redis-server docker-compose:docker-compose /usr/bin/aws:awscli chromium:chromium; do
  command -v "${pair%%:*}" >/dev/null || missing+=("${pair#*:}")
done
if ((${#missing[@]})); then
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

engine=
engine_ends() {
  [[ -z $engine ]] || { kill "$engine" 2>/dev/null; wait "$engine" 2>/dev/null || true; }
}

if ! docker version >/dev/null 2>&1; then
  log=$(mktemp)
  dockerd >"$log" 2>&1 &
  engine=$!
  trap engine_ends EXIT
  for _ in $(seq 100); do
    docker version >/dev/null 2>&1 && break
    kill -0 "$engine" 2>/dev/null || break
    sleep 0.3
  done
  docker version >/dev/null || { cat "$log"; exit 1; }
fi
