#!/bin/bash
# How fast the embedded DNS answers, beside NSD in the same run: server on one core, dnsperf on the other.
#
#   bench/dns_bench.sh [BUILD] [SECONDS] [ROUNDS]     default build/release, 5 s, 3 rounds; the rounds take turns
#
# Prints answers per second, answers per CPU second of the server (which a busy machine does not falsify), and the ratio
# to NSD; then the 99th percentile of the latency while 10,000 names change each second. Exit 1 below the bar: 250,000
# a second on one core, not slower than NSD, p99 under 2 ms. Quote the ratio; single figures are this machine's.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
build=${1:-$root/build/release}
seconds=${2:-5}
rounds=${3:-3}
serve_zone=$build/tests/serve_zone
for tool in "$serve_zone" dnsperf nsd taskset; do
  PATH=$PATH:/usr/sbin command -v "$tool" >/dev/null || { echo "dns_bench: $tool is missing" >&2; exit 2; }
done
PATH=$PATH:/usr/sbin
work=$(mktemp -d)
children=()
finish() {
  for child in "${children[@]}"; do kill "$child" 2>/dev/null || true; done
  wait 2>/dev/null || true
  rm -rf "$work"
}
trap finish EXIT

records=("www 30 A 192.0.2.10" "multi 30 A 192.0.2.10 192.0.2.11" "alias 30 CNAME www.fo.test")
printf 'www.fo.test A\nmulti.fo.test A\nalias.fo.test A\nnope.fo.test A\n' >"$work/queries"
cat >"$work/fo.test.zone" <<'ZONE'
$ORIGIN fo.test.
$TTL 3600
@ SOA ns1.fo.test. hostmaster.fo.test. 1 3600 600 1209600 30
@ NS ns1
ns1 A 127.0.0.1
www 30 A 192.0.2.10
multi 30 A 192.0.2.10
multi 30 A 192.0.2.11
alias 30 CNAME www
ZONE

# start_ours NAME ARGUMENT...: sets pid_NAME and port_NAME. Its standard input is a pipe that ends with this script.
start_ours() {
  local name=$1
  shift
  mkfifo "$work/$name.in"
  taskset -c 0 "$serve_zone" "$@" fo.test hostmaster.fo.test ns1.fo.test=127.0.0.1 -- "${records[@]}" \
    <"$work/$name.in" >"$work/$name.out" 2>&1 &
  local pid=$!
  children+=("$pid")
  exec {hold}>"$work/$name.in"
  for _ in $(seq 200); do grep -q '^ready' "$work/$name.out" && break; sleep 0.05; done
  declare -g "pid_$name=$pid" "port_$name=$(sed -n 's/^listening .*://p' "$work/$name.out")"
}

start_nsd() {
  port_nsd=$((20000 + RANDOM % 10000))
  cat >"$work/nsd.conf" <<CONF
server:
  ip-address: 127.0.0.1@$port_nsd
  zonesdir: "$work"
  database: ""
  pidfile: "$work/nsd.pid"
  zonelistfile: "$work/zone.list"
  xfrdfile: "$work/xfrd.state"
  xfrdir: "$work"
  username: ""
  server-count: 1
  minimal-responses: yes
  rrl-ratelimit: 0
remote-control:
  control-enable: no
zone:
  name: fo.test
  zonefile: fo.test.zone
CONF
  taskset -c 0 nsd -d -c "$work/nsd.conf" >"$work/nsd.log" 2>&1 &
  pid_nsd=$!
  children+=("$pid_nsd")
}

# CPU ticks of a process and its children, together.
ticks() {
  local sum=0 pid
  for pid in "$1" $(pgrep -P "$1" || true) $(pgrep -P "$(pgrep -P "$1" | paste -sd,)" 2>/dev/null || true); do
    sum=$((sum + $(awk '{sub(/.*\) /, ""); print $12 + $13}' "/proc/$pid/stat" 2>/dev/null || echo 0)))
  done
  echo "$sum"
}

# load PORT PID: "answers/s answers/CPU-second".
load() {
  local before after report qps answers
  before=$(ticks "$2")
  report=$(taskset -c 1 dnsperf -s 127.0.0.1 -p "$1" -d "$work/queries" -l "$seconds" -c 4 -q 400 2>&1)
  after=$(ticks "$2")
  qps=$(sed -n 's/.*Queries per second: *\([0-9]*\).*/\1/p' <<<"$report")
  answers=$(sed -n 's/.*Queries completed: *\([0-9]*\).*/\1/p' <<<"$report")
  echo "$qps $((answers * $(getconf CLK_TCK) / (after > before ? after - before : 1)))"
}

median() { sort -n | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}'; }

start_ours ours
start_nsd
for _ in $(seq 100); do
  taskset -c 1 dnsperf -s 127.0.0.1 -p "$port_nsd" -d "$work/queries" -n 1 -t 0.2 2>/dev/null | grep -q 'completed: *4' && break
  sleep 0.1
done

printf '%-8s %16s %20s\n' server answers/s answers/CPU-second
for round in $(seq "$rounds"); do
  for name in ours nsd; do
    port=port_$name pid=pid_$name
    read -r qps cpu <<<"$(load "${!port}" "${!pid}")"
    printf '%-8s %16s %20s\n' "$name" "$qps" "$cpu"
    echo "$qps" >>"$work/$name.qps"
    echo "$cpu" >>"$work/$name.cpu"
  done
done
ours=$(median <"$work/ours.qps") theirs=$(median <"$work/nsd.qps")
ours_cpu=$(median <"$work/ours.cpu") theirs_cpu=$(median <"$work/nsd.cpu")
ratio=$(awk -v a="$ours" -v b="$theirs" 'BEGIN {printf "%.2f", a / b}')
ratio_cpu=$(awk -v a="$ours_cpu" -v b="$theirs_cpu" 'BEGIN {printf "%.2f", a / b}')
echo "median: ours $ours/s, NSD $theirs/s, ratio $ratio; per CPU second ours $ours_cpu, NSD $theirs_cpu, ratio $ratio_cpu"

# Latency while names change: a steady load that leaves both cores room.
start_ours churn --numbered 10000 --churn 10000
for i in $(seq 0 7 9999); do echo "n$i.fo.test A"; done >"$work/numbered"
taskset -c 1 dnsperf -s 127.0.0.1 -p "$port_churn" -d "$work/numbered" -l "$seconds" -c 2 -Q 20000 -v 2>&1 |
  awk '$1 == ">" {print $NF * 1000}' | sort -n >"$work/latency"
p99=$(awk '{v[NR] = $1} END {printf "%.3f", v[int(NR * 0.99)]}' "$work/latency")
p50=$(awk '{v[NR] = $1} END {printf "%.3f", v[int(NR * 0.5)]}' "$work/latency")
echo "latency at 20,000/s while 10,000 names change each second: p50 $p50 ms, p99 $p99 ms ($(wc -l <"$work/latency") answers)"

awk -v q="$ours" -v r="$ratio" -v p="$p99" 'BEGIN {
  ok = q >= 250000 && r >= 1 && p < 2
  print (ok ? "bar reached" : "bar NOT reached") " (250000/s, ratio >= 1, p99 < 2 ms)"
  exit !ok
}'
