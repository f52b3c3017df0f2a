# shellcheck shell=bash
# Sourced: `stage NAME COMMAND...` runs a command, `stage_begins` does so in the background and `stage_ends` waits for it
# and shows what it said: all of it where it failed, else the last line. At exit, what each stage took is printed.
stages=$(mktemp -d)
declare -A stage_job=()

stage() {
  local TIMEFORMAT="%0R s, of processors %0U s and %0S s for the system" name=$1
  shift
  { time "$@" 2>&3; } 3>&2 2>"$stages/$(date +%s%N)=$name"
}

stage_begins() {
  local name=$1
  (stage "$@") >"$stages/log of $name" 2>&1 </dev/null &
  stage_job[$name]=$!
}

stage_ends() {
  local name=$1 status=0
  [[ -n ${stage_job[$name]:-} ]] || return 0
  wait "${stage_job[$name]}" || status=$?
  echo "$name:"
  if ((status)); then cat "$stages/log of $name"; else tail -1 "$stages/log of $name"; fi
  return "$status"
}

stages_took() {
  local file
  for file in "$stages"/[0-9]*; do
    printf '%-27s %s\n' "${file#*=}:" "$(cat "$file")"
  done
  echo "in all:                     $SECONDS s"
}
