#!/usr/bin/env bash
# fuzz.sh BUILD CALLS [SEED [NAME ...]]: CALLS random calls shared out among the fuzz_* programs of a build, in pieces of a
# few seconds, as many at a time as there are processors; of these, those of the programs named, or all. The first piece
# that fails ends the run; it prints the seed that repeats the failure. 10 million calls with sanitizers take 20 minutes on
# two processors.
set -euo pipefail
build=$1 calls=$2 seed=${3:-1} names=" ${*:4} "
processors=$(nproc)
# thousandths of the calls; a second does 590 calls of derivatives with sanitizers, 980 of coulomb, 1,290 of sheared, 2,200
# of sphere_overlap, 3,900 of gaussian, 5,800 of radial and lennard_jones, 18,000 of resample
shares="derivatives:25 sheared:20 gaussian:200 radial:250 coulomb:30 lennard_jones:180 sphere_overlap:75 resample:220"

list_pieces() {
    for share in $shares; do
        [[ $names = "  " || $names = *" ${share%%:*} "* ]] || continue
        local n=$((calls * ${share##*:} / 1000))
        local size=$((n / (4 * processors) + 1))
        local most=$((${share##*:} <= 50 ? 10000 : 40000))
        ((size <= most)) || size=$most
        for ((first = 0; first < n; first += size)); do
            echo "${share%%:*} $((n - first < size ? n - first : size)) $((seed + first))"
        done
    done
}

run_piece() {
    out=$("$build/native/tests/fuzz_$1" "$2" "$3" 2>&1) || { printf '%s\n' "$out" "FAILED: $build/native/tests/fuzz_$1 $2 $3"; exit 255; }
    echo "piece $1 $(tail -n 1 <<< "$out")"
}
export -f run_piece
export build

list_pieces | xargs -P "$processors" -L 1 bash -c 'run_piece "$@"' run_piece | awk '
    $1 != "piece" { print; fflush(); next }
    { calls[$2] += $3; refused[$2] += $5; seconds[$2] += $9; all += $3; not += $5; busy += $9 }
    function show(name, n, r, s) { printf "%-15s %9d calls, %8d refused as expected, %7.1f s\n", name, n, r, s }
    END { for (name in calls) show(name, calls[name], refused[name], seconds[name]); show("all", all, not, busy) }' &&
    echo "$SECONDS s on $processors processors"
