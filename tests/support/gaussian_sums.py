"""Sums of Gaussians over voxels of any shape in float64, slow and obvious, of which torch makes the gradients."""

import itertools

import numpy as np
import torch

from particlegrid.torch.scene import Scene

__all__ = ["make_scene", "sum_gaussians"]


def sum_gaussians(scene, shape, channel_count, value, images=3, nodes=7):
    """The definition: Gauss-Legendre nodes along the three edges of every voxel, and `images` cells on either side."""
    x, w = np.polynomial.legendre.leggauss(nodes) if value in ("integral", "mean") else (np.zeros(1), np.full(1, 2.0))
    x, w = torch.tensor(x) / 2, torch.tensor(w) / 2
    points, weights = torch.cartesian_prod(x, x, x), torch.cartesian_prod(w, w, w).prod(1)
    voxels = torch.cartesian_prod(*(torch.arange(n, dtype=torch.float64) + 0.5 for n in shape))
    grids = []
    for s in range(len(scene.axes)):
        axes = scene.axes[s]
        corners = scene.origins[s] + (voxels[:, None] + points) @ axes
        channels = [torch.zeros(len(voxels), dtype=torch.float64) for _ in range(channel_count)]
        steps = [range(-images, images + 1) if repeats else (0,) for repeats in scene.periodic[s]]
        for e in range(scene.offsets[s], scene.offsets[s + 1]):
            sigma = scene.widths[e]
            for n in itertools.product(*steps):
                place = scene.positions[scene.atoms[e]] + torch.tensor(n, dtype=torch.float64) @ scene.lattices[s]
                rho = torch.exp(-0.5 * ((corners - place) ** 2).sum(-1) / sigma**2) @ weights
                if value != "peak":
                    rho = rho * (2 * torch.pi) ** -1.5 / sigma**3
                if value == "integral":
                    rho = rho * torch.linalg.det(axes).abs()
                c = int(scene.channels[e])
                channels[c] = channels[c] + scene.weights[e] * rho
        grids.append(torch.stack(channels).view(channel_count, *shape))
    return torch.stack(grids)


def make_scene(seed, structures=2, atoms=3, channels=2, shape=(6, 7, 9), periodic=(True,) * 3, sheared=0.0, turned=True,
               lengths=(0.35, 0.6), widths=(0.4, 0.8)):  # fmt: skip
    """A random scene; periodic grids fill their cells. `sheared`: how far edges lean, in lengths."""
    rng = np.random.default_rng(seed)
    axes, lattices, origins, positions = [], [], [], []
    for _ in range(structures):
        rows = np.diag(rng.uniform(*lengths, 3)) @ (np.eye(3) + sheared * rng.uniform(-1, 1, (3, 3)))
        if turned:
            rows = rows @ np.linalg.qr(rng.normal(size=(3, 3)))[0]
        axes.append(rows)
        lattices.append(rows * np.array(shape)[:, None])
        origins.append(rng.normal(size=3))
        positions.append(origins[-1] + rng.uniform(-0.2, 1.2, (atoms, 3)) @ lattices[-1])
    # an atom feeds one channel or two, and one entry has no weight
    each = [np.sort(rng.permutation(np.concatenate([np.arange(atoms), rng.integers(0, atoms, 2)]))) for _ in axes]
    entries = np.concatenate([i * atoms + some for i, some in enumerate(each)])
    weights = rng.uniform(0.5, 2.0, len(entries))
    weights[1] = 0.0
    repeats = np.broadcast_to(periodic, (structures, 3))
    return Scene(
        positions=torch.from_numpy(np.concatenate(positions)),
        weights=torch.from_numpy(weights),
        widths=torch.from_numpy(rng.uniform(*widths, len(entries))),
        axes=torch.from_numpy(np.stack(axes)),
        origins=torch.from_numpy(np.stack(origins)),
        lattices=torch.from_numpy(np.stack(lattices) * np.array(periodic)[:, None]),
        atoms=torch.from_numpy(entries),
        channels=torch.from_numpy(rng.integers(0, channels, len(entries))),
        offsets=torch.from_numpy(np.cumsum([0, *map(len, each)])),
        periodic=torch.from_numpy(repeats.copy()),
    )
