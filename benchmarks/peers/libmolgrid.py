"""libmolgrid on the same molecules, in its own environment (`make bench-peers`): prints molecules/s as JSON.

Run as ``python libmolgrid.py molecules.npz shape spacing``; the file holds positions, channels and offsets. The radius
of 1 A makes libmolgrid's Gaussian exp(-2 d^2 / R^2) one of sigma 0.5 A. Examples are built before the clock starts.
"""

import json
import os
import statistics
import sys
import time

import molgrid
import numpy as np

BATCH, ROUNDS, N_CHANNELS = 64, 7, 5

os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
data = np.load(sys.argv[1])
shape, spacing = int(sys.argv[2]), float(sys.argv[3])


def example(i):
    atoms = slice(data["offsets"][i], data["offsets"][i + 1])
    n = atoms.stop - atoms.start
    coordinates = molgrid.CoordinateSet(
        molgrid.Grid2f(np.ascontiguousarray(data["positions"][atoms], np.float32)),
        molgrid.Grid1f(np.ascontiguousarray(data["channels"][atoms], np.float32)),
        molgrid.Grid1f(np.ones(n, np.float32)),
        N_CHANNELS,
    )
    made = molgrid.Example()
    made.coord_sets.append(coordinates)
    return made


batches = []
for first in range(0, len(data["offsets"]) - BATCH, BATCH):
    batch = molgrid.ExampleVec()
    for i in range(first, first + BATCH):
        batch.append(example(i))
    batches.append(batch)

out = np.zeros((BATCH, N_CHANNELS, shape, shape, shape), np.float32)
rates = {}
for name, multiple in (("default", 1.0), ("gaussian to 4 sigma", -2.0)):
    maker = molgrid.GridMaker(resolution=spacing, dimension=spacing * (shape - 1), gaussian_radius_multiple=multiple)
    seconds = []
    for batch in batches[:ROUNDS]:
        start = time.perf_counter()
        maker.forward(batch, molgrid.Grid5f(out))
        seconds.append(time.perf_counter() - start)
    rates[name] = BATCH / statistics.median(seconds)
    if not out.any():
        raise SystemExit("libmolgrid drew nothing")
print(json.dumps(rates))
