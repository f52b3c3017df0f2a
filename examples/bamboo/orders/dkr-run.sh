#!/bin/sh
# Builds and runs the service with what it depends on, migrated: ./dkr-run.sh [OPTIONS OF docker compose up]
set -eu
cd -- "$(dirname -- "$0")"

if docker compose version >/dev/null 2>&1; then
    exec docker compose up --build "$@"
fi
exec docker-compose up --build "$@"
