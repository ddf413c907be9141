"""libmolgrid on a batch of molecules.

Its value at a lattice point is exp(-2 d^2 / R^2), so a radius of 2 sigma gives a Gaussian of width sigma whose peak
is 1: beyond R it continues as a parabola ("default"), or, with a negative multiple m, as a Gaussian that is cut at
abs(m) R; m = -2 is 4 sigma. Its box of n points spans (n - 1) spacings. Examples are built before the clock starts.
"""

import contextlib
import io
import itertools

import numpy as np
from serving import load_inputs, serve

with contextlib.redirect_stderr(io.StringIO()):  # it says that there is no torch
    import molgrid

data = load_inputs()
batch_size, n_channels, shape = int(data["batch"]), int(data["n_channels"]), int(data["shape"])
spacing, radius = float(data["spacing"]), 2 * float(data["sigma"])


def example(i):
    atoms = slice(data["offsets"][i], data["offsets"][i + 1])
    # libmolgrid's grids do not keep numpy's memory alive: temporaries here would be overwritten before they are read
    positions = np.ascontiguousarray(data["positions"][atoms], np.float32)
    channels = np.ascontiguousarray(data["channels"][atoms], np.float32)
    radii = np.full(len(channels), radius, np.float32)
    made = molgrid.Example()
    made.coord_sets.append(
        molgrid.CoordinateSet(molgrid.Grid2f(positions), molgrid.Grid1f(channels), molgrid.Grid1f(radii), n_channels)
    )
    return made


def make_batch(first):
    batch = molgrid.ExampleVec()
    for i in range(first, first + batch_size):
        batch.append(example(i))
    return batch


out = np.zeros((batch_size, n_channels, shape, shape, shape), np.float32)
view = molgrid.Grid5f(out)
batches = [make_batch(first) for first in range(0, len(data["offsets"]) - batch_size, batch_size)]


def draw(maker, batch):
    if data["centered"]:
        maker.forward(batch, view)
    else:
        for i in range(batch_size):
            maker.forward(molgrid.float3(0, 0, 0), batch[i].coord_sets[0], view[i])


def make_task(maker):
    turns = itertools.cycle(batches)
    return lambda: draw(maker, next(turns))


def make_result(maker):
    def first_batch():
        draw(maker, batches[0])
        return out

    return first_batch


makers = {
    name: molgrid.GridMaker(resolution=spacing, dimension=spacing * (shape - 1), gaussian_radius_multiple=multiple)
    for name, multiple in (("default", 1.0), ("gaussian to 4 sigma", -2.0))
}
serve({name: make_task(m) for name, m in makers.items()}, {name: make_result(m) for name, m in makers.items()})
