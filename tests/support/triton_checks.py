"""Run the Triton kernels through the interpreter and print how far they are from others, as JSON.

The interpreter must be asked for before Triton is imported, so this is a process of its own: TRITON_INTERPRET=1 python
triton_checks.py. Differences are relative to the largest value of each result.
"""

import json
import sys

import numpy as np
import torch
from gaussian_sums import make_scene, sum_gaussians

import particlegrid as pg
import particlegrid.torch.triton as kernels
from particlegrid.batch import Batch
from particlegrid.drawing import make_drawing
from particlegrid.torch.scene import Scene
from particlegrid.torch.triton import images, tiles

SHAPE = (4, 5, 6)
# voxels of about a sigma, and atoms whose cells hold few images
SMALL = {"shape": SHAPE, "atoms": 1, "lengths": (0.5, 0.6), "widths": (0.45, 0.55)}
BOX = {"periodic": (False,) * 3}
ONE = {**SMALL, "structures": 1}
LEANS = {**ONE, "sheared": 0.3, "lengths": (0.45, 0.5), "widths": (0.5, 0.55)}
CASES = {
    "box": ({**SMALL, **BOX, "atoms": 3}, ("integral", "mean", "point", "peak"), torch.float32),
    "box, float64": ({**SMALL, **BOX}, ("integral", "peak"), torch.float64),
    "wide box": ({**ONE, **BOX, "shape": (6, 17, 35)}, ("integral",), torch.float32),
    "narrow in a box": ({**SMALL, **BOX, "widths": (0.1, 0.2)}, ("integral", "point"), torch.float32),
    "orthogonal cell": ({**ONE, "widths": (0.3, 0.35)}, ("integral", "peak"), torch.float32),
    "slab": ({**ONE, "periodic": (True, False, True)}, ("mean",), torch.float32),
    "sheared box": ({**LEANS, **BOX}, ("integral", "mean", "point", "peak"), torch.float32),
    "sheared box, float64": ({**LEANS, **BOX}, ("mean",), torch.float64),
    "narrow in a sheared box": (
        {**LEANS, **BOX, "shape": (3, 4, 4), "widths": (0.3, 0.35)},
        ("integral",),
        torch.float32,
    ),
    "triclinic cell": ({**LEANS, "periodic": (True, False, False)}, ("integral",), torch.float32),
    "triclinic cell, wide": ({**LEANS, "lengths": (0.7, 0.8)}, ("peak",), torch.float32),
}
VALUES = {"peak": pg.Gaussian(value="point", normalize=False)}
# Supports so wide that what is cut off is not seen: the derivatives of a tail are up to 30 times tol, and the gradients
# of smooth crystals are small differences.
TOL = {torch.float32: 1e-8, torch.float64: 1e-9}


def find_gap(got, want):
    """Largest difference relative to the largest value; NaN is never small."""
    got, want = torch.as_tensor(got).double(), torch.as_tensor(want).double()
    gap = (got - want).abs().max()
    return float(gap / want.abs().max()) if want.abs().max() > 0 else float(gap)


def make_gradient(shape, dtype):
    return torch.randn(shape, generator=torch.Generator().manual_seed(7), dtype=torch.float64).to(dtype)


def compare_with_definition(options, value, dtype):
    """Values, then the gradients by positions, weights, widths, axes, origins and lattices."""
    what = VALUES.get(value) or pg.Gaussian(value=value)
    scene = make_scene(len(value) + 20, **options)
    shape = options["shape"]
    leaves = [tensor.clone().requires_grad_() for tensor in scene[:6]]
    rest = dict(zip(scene._fields, leaves))
    nodes = 10 if options["widths"][0] < 0.4 else 6
    want = sum_gaussians(scene._replace(**rest), shape, 2, value, images=2, nodes=nodes)
    grad = make_gradient(want.shape, dtype)
    wanted = torch.autograd.grad((want * grad).sum(), leaves, allow_unused=True)
    gaps = [find_gap(kernels.draw(what, scene, shape, 2, dtype, TOL[dtype]), want.detach())]
    for got, gradient, leaf in zip(kernels.pull_back(what, scene, grad, TOL[dtype]), wanted, leaves):
        gaps.append(find_gap(got, torch.zeros_like(leaf) if gradient is None else gradient))
    return gaps


def run_all(scene, what=pg.Gaussian(), shape=SHAPE):  # noqa: B008 - a Gaussian is frozen
    values = kernels.draw(what, scene, shape, 2, torch.float32, 1e-6)
    return [values, *kernels.pull_back(what, scene, make_gradient(values.shape, torch.float32), 1e-6)]


def check_repeats():
    """Whether two runs give the same bits."""
    scenes = make_scene(3, **ONE | {"widths": (0.2, 0.25)}), make_scene(3, **LEANS | BOX)
    return all(torch.equal(a, b) for scene in scenes for a, b in zip(run_all(scene), run_all(scene)))


def check_sorting():
    """What sorting the images changes, relative: the order of sums alone."""
    scene = make_scene(4, **SMALL | BOX | {"atoms": 6, "shape": (10, 5, 6)})
    plain = run_all(scene, shape=(10, 5, 6))
    tiles._SORTED_FROM, kept = 0, tiles._SORTED_FROM
    ranked = run_all(scene, shape=(10, 5, 6))
    tiles._SORTED_FROM = kept
    return max(find_gap(a, b) for a, b in zip(ranked, plain))


def check_mixture():
    """Whether a batch of both kinds, and a structure without entries, gives what its parts give alone, bit for bit."""
    parts = [make_scene(5, **SMALL | BOX), make_scene(6, **LEANS | BOX)]
    atoms, entries = len(parts[0].positions), len(parts[0].weights)
    joined = Scene(*(torch.cat(tensors) for tensors in zip(*parts)))
    second = parts[1].offsets + entries
    whole = joined._replace(
        atoms=torch.cat([parts[0].atoms, parts[1].atoms + atoms]),
        # the second structure is followed by one that has nothing
        offsets=torch.cat([parts[0].offsets, second[:1], second[1:]]),
        **{name: torch.cat([getattr(parts[0], name), getattr(parts[0], name)[:1], getattr(parts[1], name)])
           for name in ("axes", "origins", "lattices", "periodic")},
    )  # fmt: skip
    grad = make_gradient((4, 2, *SHAPE), torch.float32)
    what = pg.Gaussian()
    got = [kernels.draw(what, whole, SHAPE, 2, torch.float32, 1e-6), *kernels.pull_back(what, whole, grad, 1e-6)]
    one, two = (
        [kernels.draw(what, part, SHAPE, 2, torch.float32, 1e-6), *kernels.pull_back(what, part, some, 1e-6)]
        for part, some in zip(parts, (grad[:2], grad[3:]))
    )
    same = [torch.equal(got[0][[0, 1, 3]], torch.cat([one[0], two[0]])), bool((got[0][2] == 0).all())]
    for k in (1, 2, 3):
        same.append(torch.equal(got[k], torch.cat([one[k], two[k]])))
    for k in (4, 5, 6):
        same += [torch.equal(got[k][[0, 1, 3]], torch.cat([one[k], two[k]])), bool((got[k][2] == 0).all())]
    return all(same)


def check_nothing():
    """Whether scenes without entries, and without structures, give zeros and nothing."""
    floats, whole = torch.zeros(0, dtype=torch.float64), torch.zeros(0, dtype=torch.int64)
    results = []
    for options in (ONE, LEANS):
        scene = make_scene(0, **options)._replace(weights=floats, widths=floats, atoms=whole, channels=whole)
        for n in (1, 0):
            none = {name: getattr(scene, name)[:n] for name in ("axes", "origins", "lattices", "periodic")}
            results += run_all(scene._replace(**none, offsets=torch.zeros(n + 1, dtype=torch.int64)))
    return all(bool((result == 0).all()) for result in results)


def compare_with_voxelizer(where, what, structures):
    """Values of a Voxelizer."""
    vox = pg.Voxelizer(where, pg.Elements("C", "O"), what)
    batch = Batch(structures)
    want = vox(structures)
    drawing = make_drawing(vox, batch, where.place(batch), want)
    count = len(drawing.axes)
    repeats = drawing.periodic is not None
    scene = Scene(
        *(torch.from_numpy(np.array(field)) for field in (
            drawing.positions, drawing.weights, drawing.widths, drawing.axes, drawing.origins,
            drawing.lattices if repeats else np.zeros((count, 3, 3)), drawing.atoms, drawing.channels, drawing.offsets,
            drawing.periodic if repeats else np.zeros((count, 3), bool)))
    )  # fmt: skip
    return find_gap(kernels.draw(what, scene, want.shape[2:], 2, torch.float32, 1e-6), want)


def compare_with_voxelizers():
    rng = np.random.default_rng(0)
    molecules = [pg.Structure(rng.normal(size=(n, 3)), [6, 8] * (n // 2)) for n in (4, 2)]
    cells = {"orthogonal": np.diag([3.1, 4.0, 3.5]), "hexagonal": [[3.2, 0, 0], [-1.6, 2.771, 0], [0, 0, 4.1]],
             "triclinic": [[3.2, 0, 0], [0.9, 3.0, 0], [-0.7, 0.8, 3.3]]}  # fmt: skip
    box = pg.Box(8, spacing=0.5, outside="ignore")
    gaps = {"box": compare_with_voxelizer(box, pg.Gaussian(0.4), molecules)}
    for name, cell in cells.items():
        crystal = pg.Structure(rng.normal(size=(2, 3)), [6, 8], cell=cell)
        gaps[name] = compare_with_voxelizer(pg.UnitCell((6, 7, 8)), pg.Gaussian(0.45), [crystal])
    return gaps


def check_refusals():
    """What is said about widths beyond all images, and about half precision."""
    said = []
    images._MOST_IMAGES, kept = 10, images._MOST_IMAGES
    for dtype in (torch.float32, torch.float16):
        try:
            kernels.draw(pg.Gaussian(), make_scene(0, **SMALL), SHAPE, 2, dtype, 1e-6)
        except (TypeError, ValueError) as error:
            said.append(f"{type(error).__name__}: {error}")
    images._MOST_IMAGES = kept
    return said


def main():
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)  # fills torch.empty with NaN, so that what is not written shows
    found = {"definition": {}}
    for name, (options, values, dtype) in CASES.items():
        for value in values:
            found["definition"][f"{name}, {value}"] = compare_with_definition(options, value, dtype)
    found["voxelizer"] = compare_with_voxelizers()
    found["repeats"] = check_repeats()
    found["sorting"] = check_sorting()
    found["mixture"] = check_mixture()
    found["nothing"] = check_nothing()
    found["refusals"] = check_refusals()
    json.dump(found, sys.stdout, indent=1)


if __name__ == "__main__":
    main()
