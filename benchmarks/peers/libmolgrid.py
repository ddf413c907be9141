"""libmolgrid on a batch of molecules.

Its value at a lattice point is exp(-2 d^2 / R^2), so a radius of 2 sigma gives a Gaussian of width sigma whose peak
is 1: beyond R it continues as a parabola ("default"), or, with a negative multiple m, as a Gaussian that is cut at
abs(m) R; m = -2 is 4 sigma. Its box of n points spans (n - 1) spacings. Examples are built before the clock starts.
"""

import itertools

import molgrid
import numpy as np
from serving import load_inputs, serve

data = load_inputs()
batch_size, n_channels, shape = int(data["batch"]), int(data["n_channels"]), int(data["shape"])
spacing, radius = float(data["spacing"]), 2 * float(data["sigma"])


def example(i):
    atoms = slice(data["offsets"][i], data["offsets"][i + 1])
    n = atoms.stop - atoms.start
    coordinates = molgrid.CoordinateSet(
        molgrid.Grid2f(np.ascontiguousarray(data["positions"][atoms], np.float32)),
        molgrid.Grid1f(np.ascontiguousarray(data["channels"][atoms], np.float32)),
        molgrid.Grid1f(np.full(n, radius, np.float32)),
        n_channels,
    )
    made = molgrid.Example()
    made.coord_sets.append(coordinates)
    return made


def make_batch(first):
    batch = molgrid.ExampleVec()
    for i in range(first, first + batch_size):
        batch.append(example(i))
    return batch


# the kernels that write to numpy's memory need an output that lives as long as the view of it
out = np.zeros((batch_size, n_channels, shape, shape, shape), np.float32)
view = molgrid.Grid5f(out)
batches = [make_batch(first) for first in range(0, len(data["offsets"]) - batch_size, batch_size)]
centers = np.zeros((batch_size, 3), np.float32)


def task(multiple):
    maker = molgrid.GridMaker(resolution=spacing, dimension=spacing * (shape - 1), gaussian_radius_multiple=multiple)
    turns = itertools.cycle(batches)

    def draw():
        batch = next(turns)
        if data["centered"]:
            maker.forward(batch, view)
        else:
            for i in range(batch_size):
                maker.forward(molgrid.float3(0, 0, 0), batch[i].coord_sets[0], view[i])

    return draw


tasks = {"default": task(1.0), "gaussian to 4 sigma": task(-2.0)}
serve(tasks, dict.fromkeys(tasks, out.copy))
