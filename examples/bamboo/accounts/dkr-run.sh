#!/bin/sh
# Builds and runs the service with what it depends on, migrated: ./dkr-run.sh [OPTIONS OF docker compose up]
#
# With IMAGE and MIGRATE_IMAGE it runs those images, as they are, and builds none: what is deployed, say.
set -eu
cd -- "$(dirname -- "$0")"

build=--build
if [ -n "${IMAGE:-}" ]; then
    build=--no-build
fi
if docker compose version >/dev/null 2>&1; then
    exec docker compose up "$build" "$@"
fi
exec docker-compose up "$build" "$@"
