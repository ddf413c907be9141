#!/usr/bin/env bash
# fuzz.sh BUILD CALLS [SEED]: CALLS random calls shared out among the fuzz_* programs of a build, as many programs at a time
# as there are processors. Each prints the seed that repeats a failure alone.
set -euo pipefail
build=$1 calls=$2 seed=${3:-1}
# in thousandths; calls of the last three take longest
shares="fuzz_gaussian:250 fuzz_radial:250 fuzz_resample:240 fuzz_sphere_overlap:120 fuzz_lennard_jones:120 fuzz_coulomb:20"
for share in $shares; do
    echo "${share%%:*} $((calls * ${share##*:} / 1000))"
done | xargs -P "$(nproc)" -L 1 bash -c 'program=$1; n=$2
    out=$("$0/native/tests/$program" "$n" '"$seed"' 2>&1) || { echo "$program failed:"; echo "$out"; exit 255; }
    echo "$program: $(tail -n 1 <<< "$out"), $n calls"' "$build"
