#!/usr/bin/env bash
# fuzz.sh BUILD CALLS [SEED]: CALLS random calls shared out among the fuzz_* programs of a build, as many programs at a time
# as there are processors. Each prints the seed that repeats a failure alone.
set -euo pipefail
build=$1 calls=$2 seed=${3:-1}
# in thousandths; a call of the last two takes fifty times as long as one of the others
shares="fuzz_gaussian:300 fuzz_radial:300 fuzz_resample:200 fuzz_sphere_overlap:90 fuzz_lennard_jones:100 fuzz_coulomb:5 fuzz_sheared:5"
for share in $shares; do
    echo "${share%%:*} $((calls * ${share##*:} / 1000))"
done | xargs -P "$(nproc)" -L 1 bash -c 'program=$1; n=$2
    out=$("$0/native/tests/$program" "$n" '"$seed"' 2>&1) || { echo "$program failed:"; echo "$out"; exit 255; }
    echo "$program: $(tail -n 1 <<< "$out"), $n calls"' "$build"
