"""The densities that the command line offers, by name."""

from __future__ import annotations

from particlegrid.densities import (
    Binary,
    Coulomb,
    Density,
    Gaussian,
    GaussianQuadratic,
    LennardJones,
    Occupancy,
    SphereOverlap,
)

__all__ = ["DENSITIES", "ENERGIES", "make_density"]

_RADIAL: dict[str, type[Density]] = {
    "gaussian-quadratic": GaussianQuadratic,
    "occupancy": Occupancy,
    "binary": Binary,
    "sphere-overlap": SphereOverlap,
}
ENERGIES = ("lennard-jones", "coulomb")
"""Those that all atoms make together, so that one channel holds them unless elements are asked for."""
DENSITIES = ("gaussian", *_RADIAL, *ENERGIES)


def make_density(
    name: str,
    *,
    sigma: float | None = None,
    value: str | None = None,
    probe: str | None = None,
    cap: float | None = None,
) -> Density:
    """A density of `DENSITIES` with the options that were given; what is None has its default.

    Raises
    ------
    ValueError
        If there is no such density, or it has no such option.

    Examples
    --------
    >>> make_density("gaussian", sigma=0.4), make_density("occupancy")
    (Gaussian(sigma=0.4, value='integral', normalize=True), Occupancy(radius='vdw', cutoff=5.0))
    """
    if name not in DENSITIES:
        raise ValueError(f"--density must be one of {', '.join(DENSITIES)}, got {name!r}")
    _refuse(name, "gaussian", {"--sigma": sigma, "--value": value})
    _refuse(name, "lennard-jones", {"--probe": probe, "--cap": cap})
    if name == "gaussian":
        return Gaussian(0.5 if sigma is None else sigma, value=value or "integral")
    if name == "lennard-jones":
        return LennardJones(probe=probe or "CH4", cap=cap)
    return Coulomb() if name == "coulomb" else _RADIAL[name]()


def _refuse(name: str, owner: str, options: dict[str, object]) -> None:
    given = [option for option, value in options.items() if value is not None]
    if given and name != owner:
        raise ValueError(f"{given[0]} goes with --density {owner}, not with {name}")
