# Sourced: install a Docker engine if there is none and start it if it does not answer; stop it again at exit.
if ! docker version >/dev/null 2>&1; then
  if ! command -v dockerd >/dev/null || ! command -v iptables >/dev/null || ! command -v debootstrap >/dev/null; then
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends docker.io iptables debootstrap >/dev/null
  fi
  dockerd >"${TMPDIR:-/tmp}/dockerd.log" 2>&1 &
  engine=$!
  trap 'kill "$engine" 2>/dev/null; wait "$engine" 2>/dev/null' EXIT
  for _ in $(seq 100); do
    docker version >/dev/null 2>&1 && break
    kill -0 "$engine" 2>/dev/null || break
    sleep 0.3
  done
  docker version >/dev/null || { cat "${TMPDIR:-/tmp}/dockerd.log"; exit 1; }
fi
