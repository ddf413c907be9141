"""Pictures of every density, and the figures of docs/densities.md.

python examples/density_gallery.py [FOLDER]     pictures into FOLDER (docs/pictures)
python examples/density_gallery.py --figures    only print the figures
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import particlegrid as pg

Floats = NDArray[np.float64]

# benzene in the plane z = 0: C-C 1.39 A, C-H 1.09 A
ANGLES = np.arange(6) * np.pi / 3
RING = np.stack([np.cos(ANGLES), np.sin(ANGLES), np.zeros(6)], axis=1)
BENZENE = pg.Structure(np.concatenate([1.39 * RING, 2.48 * RING]), ["C"] * 6 + ["H"] * 6)
CHARGES = {"C": -0.13, "H": 0.13}
SALT = pg.Structure(
    5.64
    * np.array(
        [[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0], [0.5, 0, 0], [0, 0.5, 0], [0, 0, 0.5], [0.5] * 3]
    ),
    ["Na"] * 4 + ["Cl"] * 4,
    cell=5.64 * np.eye(3),
)

# alpha quartz, P 3_2 2 1: three Si and six O a cell; c along z
SILICON, OXYGEN = 0.4697, np.array([0.4135, 0.2669, 0.7858])
QUARTZ_CELL = 4.913 * np.array([[1, 0, 0], [-0.5, np.sqrt(0.75), 0], [0, 0, 1.1]])
TURNS = [
    (np.array([[1, 0, 0], [0, 1, 0]]), 0),
    (np.array([[0, -1, 0], [1, -1, 0]]), 2),
    (np.array([[-1, 1, 0], [-1, 0, 0]]), 1),
]
QUARTZ = pg.Structure(
    np.array(
        [[SILICON, 0, 2 / 3], [0, SILICON, 1 / 3], [-SILICON, -SILICON, 0]]
        + [[*(turn @ OXYGEN), OXYGEN[2] + third / 3] for turn, third in TURNS]
        + [[*(turn @ OXYGEN)[::-1], -OXYGEN[2] - third / 3] for turn, third in TURNS]
    )
    @ QUARTZ_CELL,
    ["Si"] * 3 + ["O"] * 6,
    cell=QUARTZ_CELL,
)

SPACING = 0.25
SLICE = pg.Box((40, 40, 1), SPACING, center=(0.0, 0.0, 0.0))


def profile(distances: Floats) -> Floats:
    """A shell of 1 A around the atom."""
    return np.asarray(np.exp(-((distances - 1.0) ** 2) / (2 * 0.15**2)))


GALLERY: dict[str, tuple[pg.Density, str]] = {
    "gaussian-integral": (pg.Gaussian(0.4), "Gaussian(0.4)"),
    "gaussian-point": (pg.Gaussian(0.4, "point", normalize=False), 'Gaussian(0.4, "point", normalize=False)'),
    "gaussian-quadratic": (pg.GaussianQuadratic("covalent"), 'GaussianQuadratic("covalent")'),
    "occupancy": (pg.Occupancy("covalent"), 'Occupancy("covalent")'),
    "sphere-overlap": (pg.SphereOverlap("covalent"), 'SphereOverlap("covalent")'),
    "binary": (pg.Binary("covalent"), 'Binary("covalent")'),
    "radial": (pg.Radial(profile, 2.0), "Radial(profile, 2.0)"),
    "lennard-jones": (
        pg.LennardJones(probe="CH4", unit="K", cap=500.0),
        'LennardJones(probe="CH4", unit="K", cap=500)',
    ),
    "boltzmann": (pg.Boltzmann(pg.LennardJones(probe="CH4"), 298.0), 'Boltzmann(LennardJones(probe="CH4"), 298)'),
    "coulomb": (pg.Coulomb(CHARGES), "Coulomb({'C': -0.13, 'H': 0.13})"),
}


def write_pictures(folder: Path) -> None:
    """One slice through benzene for each density, one through rock salt, quartz seen along c, and the two charts."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, (what, title) in GALLERY.items():
        values = pg.Voxelizer(SLICE, pg.AllAtoms(), what, dtype="float64")(BENZENE)[0, :, :, 0]
        draw_slice(folder / f"{name}.png", values, title, 5.0)
    plane = pg.Voxelizer(pg.UnitCell((40, 40, 8)), pg.AllAtoms(), pg.Coulomb({"Na": 1.0, "Cl": -1.0}))(SALT)[0, :, :, 0]
    draw_slice(folder / "coulomb-periodic.png", plane.astype(float), "Coulomb: rock salt", 2.82)
    window = pg.Box((48, 48, None), SPACING, center="origin", outside="ignore")
    along_c = pg.Voxelizer(window, pg.AllAtoms(), pg.Gaussian(0.4), dtype="float64")(QUARTZ)[0]
    draw_slice(folder / "projection.png", along_c, "Gaussian(0.4): quartz along c", 6.0)
    draw_charts(folder / "resolution.png")


def draw_slice(path: Path, values: Floats, title: str, half: float) -> None:
    """A plane of voxels, x to the right; differences around zero where there are both signs."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(3.4, 3.0), layout="constrained")
    signed = values.min() < 0
    limit = float(np.quantile(abs(values), 0.97)) if signed else None
    image = axes.imshow(
        values.T,
        origin="lower",
        extent=(-half, half, -half, half),
        cmap="RdBu_r" if signed else "viridis",
        vmin=-limit if limit else None,
        vmax=limit,
        interpolation="nearest",
    )
    axes.set_title(title, fontsize=8)
    axes.set_xlabel("x / A", fontsize=8)
    axes.tick_params(labelsize=7)
    figure.colorbar(image, ax=axes, shrink=0.8).ax.tick_params(labelsize=7)
    figure.savefig(path, dpi=90)
    pyplot.close(figure)


def draw_total(what: pg.Density, spacing: float, positions: Floats) -> Floats:
    """Sum over voxels of one atom's density at each of the positions."""
    reach = 12
    vox = pg.Voxelizer(
        pg.Box(2 * reach, spacing, center="origin", outside="ignore"), pg.AllAtoms(), what, dtype="float64", tol=1e-12
    )
    return np.array([vox(pg.Structure([position], ["C"])).sum() for position in positions])


def measure_spread(ratio: float, value: str) -> float:
    """Largest difference of the total from its mean over positions within a voxel, relative, at sigma = ratio h."""
    steps = (np.arange(8) + 0.5) / 8
    positions = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), -1).reshape(-1, 3)[::3]
    totals = draw_total(pg.Gaussian(ratio, value), 1.0, positions)
    return float(abs(totals / totals.mean() - 1).max())


def measure_volume_error(what: type[pg.Binary] | type[pg.SphereOverlap], ratio: float) -> float:
    """Root mean square error of a sphere's volume over 64 positions, relative, at radius = ratio h."""
    positions = np.random.default_rng(0).random((64, 3))
    totals = draw_total(what(ratio), 1.0, positions)
    return float(np.sqrt(np.mean((totals / (4 / 3 * np.pi * ratio**3) - 1) ** 2)))


RATIOS = (0.3, 0.5, 0.75, 1.0, 1.5)
RADII = (1.0, 2.0, 3.4, 6.8)


def print_figures() -> None:
    """The two tables of the page."""
    print("sigma / h   left at Nyquist   point: total varies by   predicted   integral: total varies by   in one voxel")
    for ratio in RATIOS:
        nyquist = np.exp(-((np.pi * ratio) ** 2) / 2)
        # the largest harmonics of a lattice of points: one along each of three axes, of both signs
        predicted = np.expm1(3 * np.log1p(2 * np.exp(-2 * (np.pi * ratio) ** 2)))
        point, integral = measure_spread(ratio, "point"), measure_spread(ratio, "integral")
        vox = pg.Voxelizer(pg.Box(25, 1.0, center="origin"), pg.AllAtoms(), pg.Gaussian(ratio), dtype="float64")
        share = vox(pg.Structure([[0, 0, 0]], ["C"])).max()
        print(f"{ratio:9.2f} {nyquist:17.1e} {point:24.1e} {predicted:11.1e} {integral:27.1e} {share:14.3f}")
    print("\nradius / h   Binary: error of the volume   SphereOverlap")
    for ratio in RADII:
        binary, overlap = measure_volume_error(pg.Binary, ratio), measure_volume_error(pg.SphereOverlap, ratio)
        print(f"{ratio:10.1f} {binary:30.1e} {overlap:15.1e}")


def draw_charts(path: Path) -> None:
    """How much totals depend on where an atom sits between the voxels."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(7.2, 2.8), layout="constrained")
    ratios = np.linspace(0.25, 1.25, 9)
    left.semilogy(ratios, [measure_spread(r, "point") for r in ratios], "o-", label='"point"')
    left.semilogy(ratios, [max(measure_spread(r, "integral"), 1e-16) for r in ratios], "s-", label='"integral"')
    left.set_xlabel("sigma / h")
    left.set_title("Gaussian: variation of the total", fontsize=9)
    radii = np.linspace(0.8, 7, 9)
    right.semilogy(radii, [measure_volume_error(pg.Binary, r) for r in radii], "o-", label="Binary")
    right.semilogy(radii, [measure_volume_error(pg.SphereOverlap, r) for r in radii], "s-", label="SphereOverlap")
    right.set_xlabel("radius / h")
    right.set_title("Sphere: error of the volume", fontsize=9)
    for axes in (left, right):
        axes.legend(fontsize=8)
        axes.grid(alpha=0.3)
    figure.savefig(path, dpi=90)
    pyplot.close(figure)


if __name__ == "__main__":
    if "--figures" in sys.argv[1:]:
        print_figures()
    else:
        write_pictures(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[1] / "docs" / "pictures")
