"""The Triton kernels, through the interpreter and, without running them, through the compiler for a GPU."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SUPPORT = Path(__file__).parents[1] / "support"
DEFINITIONS = (
    *(f"box, {value}" for value in ("integral", "mean", "point", "peak")),
    *(f"box, float64, {value}" for value in ("integral", "peak")),
    "wide box, integral",
    *(f"narrow in a box, {value}" for value in ("integral", "point")),
    *(f"orthogonal cell, {value}" for value in ("integral", "peak")),
    "slab, mean",
    *(f"sheared box, {value}" for value in ("integral", "mean", "point", "peak")),
    "sheared box, float64, mean",
    "narrow in a sheared box, integral",
    "triclinic cell, integral",
    "triclinic cell, wide, peak",
)
RESULTS = ("values", "positions", "weights", "widths", "axes", "origins", "lattices")

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Triton has wheels for Linux alone")


def run(script, cache, interpret):
    environment = os.environ | {
        "TRITON_INTERPRET": interpret,
        "TRITON_CACHE_DIR": str(cache),
        "TRITON_DEFAULT_FP_FUSION": "1",
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join([*filter(None, sys.path), str(SUPPORT)]),
    }
    done = subprocess.run([sys.executable, SUPPORT / script], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """What the kernels gave in the interpreter; a process of its own."""
    return run("triton_checks.py", tmp_path_factory.mktemp("triton"), "1")


@pytest.mark.parametrize("case", DEFINITIONS)
def test_values_and_gradients_agree_with_the_definition(found, case):
    gaps = dict(zip(RESULTS, found["definition"][case], strict=True))
    limit = 1e-7 if "float64" in case else 1e-5
    assert all(gap <= limit for gap in gaps.values()), gaps


def test_all_cases_were_tested(found):
    assert set(found["definition"]) == set(DEFINITIONS)


def test_values_agree_with_the_kernels_for_the_cpu(found):
    assert set(found["voxelizer"]) == {"box", "orthogonal", "hexagonal", "triclinic"}
    assert all(gap <= 2e-6 for gap in found["voxelizer"].values()), found["voxelizer"]


def test_bits_repeat(found):
    assert found["repeats"] is True


def test_sorting_changes_the_order_of_sums_alone(found):
    assert found["sorting"] <= 1e-6


def test_a_batch_of_both_kinds_gives_what_its_parts_give(found):
    assert found["mixture"] is True


def test_nothing_to_draw(found):
    assert found["nothing"] is True


def test_refusals(found):
    images, dtype = found["refusals"]
    assert images.startswith("ValueError: entry ")
    assert "too large for the cell" in images
    assert dtype == "TypeError: Triton kernels make float32 and float64, got torch.float16; convert the result"


def test_kernels_compile_for_a_gpu(tmp_path):
    """For compute capability 9.0; what is kept in registers stays there in float32."""
    kernels = run("compile_kernels.py", tmp_path, "0")
    names = {name.partition(" ")[0] for name in kernels}
    assert names == {
        "survey._survey", "segments._sum_segments", "separable._weigh", "separable._draw",
        "separable_gradient._contract", "sheared._draw", "sheared_gradient._contract",
    }  # fmt: skip
    spilled = {name: used for name, used in kernels.items() if used["STACK"] and "*fp32" in name}
    assert not spilled
