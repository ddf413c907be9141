"""Draws molecules with libmolgrid, in the environment of `make bench-peers`.

Run as ``python libmolgrid_grids.py molecules.npz grids.npy``; see test_libmolgrid.py.
"""

import sys

import numpy as np


def main():
    import molgrid

    data = np.load(sys.argv[1])
    n_channels, n_points, spacing = int(data["n_channels"]), int(data["n_points"]), float(data["spacing"])
    maker = molgrid.GridMaker(
        resolution=spacing,
        dimension=spacing * (n_points - 1),
        radius_scale=float(data["scale"]),
        gaussian_radius_multiple=float(data["multiple"]),
    )
    n = len(data["offsets"]) - 1
    grids = np.zeros((n, n_channels, n_points, n_points, n_points), np.float32)
    for i in range(n):
        atoms = slice(data["offsets"][i], data["offsets"][i + 1])
        # libmolgrid's grids do not keep numpy's memory alive: the arrays have names
        positions = np.ascontiguousarray(data["positions"][atoms], np.float32)
        channels = np.ascontiguousarray(data["channels"][atoms], np.float32)
        radii = np.ascontiguousarray(data["radii"][atoms], np.float32)
        coordinates = molgrid.CoordinateSet(
            molgrid.Grid2f(positions), molgrid.Grid1f(channels), molgrid.Grid1f(radii), n_channels
        )
        maker.forward(molgrid.float3(0, 0, 0), coordinates, molgrid.Grid4f(grids[i]))
    np.save(sys.argv[2], grids)


if __name__ == "__main__":
    main()
