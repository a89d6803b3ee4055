# Sourced by the scripts of this repository: where we are, how many compilers fit, and one way to build a preset.
# shellcheck shell=bash
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# One compiler of ours takes up to 1.5 GB (2.2 GB under the sanitizers): as many as there are cores and room for.
# $1: gigabytes x 10 for each.
build_jobs() {
  local cores room
  cores=$(nproc)
  room=$(awk -v each="$1" '/^MemAvailable:/ { print int($2 * 10 / (each * 1048576)) }' /proc/meminfo)
  if [ "$room" -lt 1 ]; then room=1; fi
  if [ "$cores" -lt "$room" ]; then echo "$cores"; else echo "$room"; fi
}

say() {
  if [ -t 1 ]; then printf '\n\033[1m== %s\033[0m\n' "$*"; else printf '\n== %s\n' "$*"; fi
}

# build_preset PRESET [TARGET...]: configures and builds, showing ninja's progress.
build_preset() {
  local preset=$1 each=15 targets=()
  shift
  case "$preset" in asan* | tsan | fuzz) each=22 ;; esac
  if [ "$#" -gt 0 ]; then targets=(--target "$@"); fi
  (
    cd "$root" || exit
    cmake --preset "$preset" --log-level=WARNING >/dev/null
    cmake --build --preset "$preset" -j "$(build_jobs "$each")" "${targets[@]}"
  )
}
