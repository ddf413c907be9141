"""Densities that depend on the distance from the atom alone and end at a radius."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from particlegrid import _native
from particlegrid.batch import Batch
from particlegrid.densities.base import Density
from particlegrid.densities.drawing import Drawing
from particlegrid.densities.lengths import atom_lengths, hash_length
from particlegrid.densities.tangent import Tangent
from particlegrid.errors import as_array, as_positive, choose
from particlegrid.radii import Lengths, check_lengths

__all__ = ["Binary", "GaussianQuadratic", "Occupancy", "Radial"]

_INTERVALS = 4096
_Profile = tuple[str, dict[str, Any]]


class _Profiled(Density):
    """A density that the radial kernels draw and differentiate."""

    marks_touched: ClassVar[bool] = True

    def _describe_profile(self) -> _Profile:
        """Name and parameters of the profile, as the kernels take them."""
        raise NotImplementedError

    def draw_natively(self, drawing: Drawing) -> bool:
        """Draw with the radial kernel."""
        profile, parameters = self._describe_profile()
        _native.draw_radial(drawing, profile, **parameters)
        return True

    def push_forward(self, drawing: Drawing, direction: Tangent) -> bool:
        """How fast the values change along a direction, with supports that stand still."""
        profile, parameters = self._describe_profile()
        _native.push_forward_radial(drawing, profile, direction, **parameters)
        return True

    def pull_back(self, drawing: Drawing, gradient: Tangent, direction: Tangent | None = None) -> bool:
        """Gradient of the sum of ``drawing.out`` times the values, or times their change along a direction."""
        profile, parameters = self._describe_profile()
        _native.pull_back_radial(drawing, profile, gradient, direction, **parameters)
        return True


@dataclass(frozen=True, init=False)
class GaussianQuadratic(_Profiled):
    """A Gaussian that a parabola brings to zero: the density of libmolgrid and gnina.

    With R = radius scale and G = multiple, the value at the distance d of a voxel's centre is exp(-2 d^2 / R^2) up to
    d = G R, and exp(-2 G^2) (2 G d / R - (1 + 2 G^2))^2 from there to d = R (1 + 2 G^2) / (2 G), where it reaches zero;
    value and slope are continuous. (J. Sunseri and D. R. Koes, J. Chem. Inf. Model. 60 (2020) 1079,
    doi:10.1021/acs.jcim.9b01145; there `scale` is called radius_scale and `multiple` gaussian_radius_multiple.)

    Parameters
    ----------
    radius : float, dict of str to float, or str
        In A: of every atom, by element, from a table ("vdw", "covalent", "xs"; see `particlegrid.radii`), or the name
        of a per-atom property. A channel scheme with radii of its own, such as `GninaTypes`, overrides it.
    scale : float
        What multiplies every radius.
    multiple : float
        Up to how many R the Gaussian runs; negative: the Gaussian alone, cut off at abs(multiple) R.

    Raises
    ------
    ValueError
        If a radius or the scale is not positive, or the multiple is 0.

    Notes
    -----
    The second derivative jumps where the parabola begins and where it ends; at d = G R it is that of the Gaussian, at
    the end 0. With a negative `multiple` the cut stands still, and what crosses it does not count.

    Examples
    --------
    >>> from particlegrid import AllAtoms, Box, Structure, Voxelizer
    >>> grid = Voxelizer(Box(61, 0.1, "origin"), AllAtoms(), GaussianQuadratic(1.0))(Structure([[0, 0, 0]], ["C"]))
    >>> grid[0, 30, 30, [30, 40, 43, 45]].round(6).tolist() == np.float32([1, 0.135335, 0.021654, 0]).tolist()
    True
    """

    radius: Lengths = "covalent"
    scale: float = 1.0
    multiple: float = 1.0

    def __init__(self, radius: Lengths = "covalent", scale: float = 1.0, multiple: float = 1.0) -> None:
        object.__setattr__(self, "radius", check_lengths(radius, "radius"))
        object.__setattr__(self, "scale", as_positive(scale, "scale"))
        sign = -1.0 if np.ndim(multiple) == 0 and not isinstance(multiple, str) and multiple < 0 else 1.0
        object.__setattr__(self, "multiple", sign * as_positive(sign * multiple, "abs(multiple)"))

    def __hash__(self) -> int:
        return hash((hash_length(self.radius), self.scale, self.multiple))

    def atom_widths(self, batch: Batch) -> NDArray[np.float64]:
        """Radius of every atom, without the scale, shape (N,), in A."""
        return atom_lengths(self.radius, batch, "radius")

    def _describe_profile(self) -> _Profile:
        return "quadratic", {"scale": self.scale, "multiple": self.multiple}


@dataclass(frozen=True, init=False)
class Occupancy(_Profiled):
    """1 - exp(-(radius / d)^12) at the distance d of a voxel's centre, the largest over the atoms.

    The occupancy of moleculekit and of docktgrid (J. Jimenez et al., Bioinformatics 33 (2017) 3036,
    doi:10.1093/bioinformatics/btx350). It is 1 at the atom, 0.63 at its radius, and 0 from `cutoff` on.

    Parameters
    ----------
    radius : float, dict of str to float, or str
        In A: of every atom, by element, from a table ("vdw", "covalent", "xs"; see `particlegrid.radii`), or the name
        of a per-atom property.
    cutoff : float
        Distance in A from which on an atom does not count.

    Raises
    ------
    ValueError
        If a radius or the cutoff is not positive.

    Notes
    -----
    Derivatives are those of the atom that gives a voxel its value: of the first entry where several give the same, of
    its first image where several of those do, and of none where no value is above 0, so that an entry of weight 0 has
    no gradient. What crosses the cutoff does not count.

    Examples
    --------
    >>> from particlegrid import AllAtoms, Grid, Structure, Voxelizer
    >>> line = Grid((1, 1, 4), np.eye(3), [-0.5, -0.5, -0.5])
    >>> Voxelizer(line, AllAtoms(), Occupancy(), dtype="float64")(Structure([[0, 0, 0]], ["C"])).ravel().round(4)
    array([1.    , 1.    , 0.1326, 0.0011])
    """

    combine: ClassVar[str] = "max"
    radius: Lengths = "vdw"
    cutoff: float = 5.0

    def __init__(self, radius: Lengths = "vdw", cutoff: float = 5.0) -> None:
        object.__setattr__(self, "radius", check_lengths(radius, "radius"))
        object.__setattr__(self, "cutoff", as_positive(cutoff, "cutoff", "A"))

    def __hash__(self) -> int:
        return hash((hash_length(self.radius), self.cutoff))

    def atom_widths(self, batch: Batch) -> NDArray[np.float64]:
        """Radius of every atom, shape (N,), in A."""
        return atom_lengths(self.radius, batch, "radius")

    def _describe_profile(self) -> _Profile:
        return "occupancy", {"maximum": True, "cutoff": self.cutoff}


@dataclass(frozen=True, init=False)
class Binary(_Profiled):
    """1 where a voxel's centre is nearer to an atom than its radius, else 0; the largest over the atoms.

    Parameters
    ----------
    radius : float, dict of str to float, or str
        In A: of every atom, by element, from a table ("vdw", "covalent", "xs"; see `particlegrid.radii`), or the name
        of a per-atom property.

    Raises
    ------
    ValueError
        If a radius is not positive.

    Notes
    -----
    Derivatives by positions, radii and cells are 0: what crosses the surface does not count. That by a weight is 1 in
    the voxels whose value it is; see `Occupancy` for equal values.

    Examples
    --------
    >>> from particlegrid import AllAtoms, Box, Structure, Voxelizer
    >>> Voxelizer(Box(25, 0.25, "origin"), AllAtoms(), Binary(1.0))(Structure([[0, 0, 0]], ["C"])).sum().item()
    251.0
    """

    combine: ClassVar[str] = "max"
    radius: Lengths = "vdw"

    def __init__(self, radius: Lengths = "vdw") -> None:
        object.__setattr__(self, "radius", check_lengths(radius, "radius"))

    def __hash__(self) -> int:
        return hash(hash_length(self.radius))

    def atom_widths(self, batch: Batch) -> NDArray[np.float64]:
        """Radius of every atom, shape (N,), in A."""
        return atom_lengths(self.radius, batch, "radius")

    def _describe_profile(self) -> _Profile:
        return "binary", {"maximum": True}


@dataclass(frozen=True, init=False, repr=False)
class Radial(_Profiled):
    """A profile of one's own: any function of the distance from the atom.

    Parameters
    ----------
    profile : callable or array_like, shape (n,)
        ``profile(distances)`` gives the values at an array of distances in A; or the values themselves at n >= 2 equal
        steps from distance 0 to `cutoff`, both included. A callable is evaluated once, at 4,097 distances, and the
        description (`to_dict`, pickle) holds these values, not the function.
    cutoff : float
        Distance in A from which on an atom counts 0, whatever the profile is there.
    combine : {"sum", "max"}
        How the atoms of a voxel combine; a maximum is never below 0.

    Raises
    ------
    ValueError
        If a value is not finite, there are fewer than two, or the cutoff is not positive.

    Notes
    -----
    Between the values stand cubic pieces with continuous slopes (Catmull-Rom; at either end the slope is that of a
    parabola). With the step s, a smooth profile f is met to s^3 max abs(f''') / 12; for exp(-d^2 / 2) and a cutoff of
    6 A that is 4e-10. Near a kink the error is at most a quarter of s times the jump of the slope; a step is smeared
    over three intervals, with an overshoot of 8 %.

    Derivatives are those of the cubic pieces, of the outer one where two meet; what crosses the cutoff does not count,
    and widths, which the table ignores, have none. At an atom's very centre the slope of the profile has no direction
    and counts 0. For a maximum, see `Occupancy`.

    Examples
    --------
    >>> from particlegrid import AllAtoms, Grid, Structure, Voxelizer
    >>> line = Grid((1, 1, 4), np.eye(3), [-0.5, -0.5, -0.5])
    >>> Voxelizer(line, AllAtoms(), Radial(lambda d: np.exp(-d), 3.0))(Structure([[0, 0, 0]], ["C"])).ravel().round(4)
    array([1.    , 0.3679, 0.1353, 0.    ], dtype=float32)
    """

    values: tuple[float, ...]
    cutoff: float
    combine: str  # type: ignore[misc]  # of each Radial, where other densities have one for their class

    def __init__(
        self,
        profile: Callable[[NDArray[np.float64]], ArrayLike] | Sequence[float] | NDArray[Any],
        cutoff: float,
        combine: str = "sum",
    ) -> None:
        cutoff = as_positive(cutoff, "cutoff", "A")
        if callable(profile):
            distances = np.linspace(0.0, cutoff, _INTERVALS + 1)
            try:
                sampled = profile(distances)
            except (TypeError, ValueError) as error:
                raise ValueError(
                    f"`profile` is called with an array of {len(distances):,} distances and must take one "
                    f"(np.where(d < 1, a, b) instead of a if d < 1 else b): {error}"
                ) from error
            values = as_array(sampled, "profile(distances)", distances.shape)
        else:
            values = as_array(profile, "profile", (None,))
            if len(values) < 2:
                raise ValueError(f"`profile` must hold at least 2 values, got {len(values)}")
        object.__setattr__(self, "values", tuple(values.tolist()))
        object.__setattr__(self, "cutoff", cutoff)
        object.__setattr__(self, "combine", choose(combine, "combine", ("sum", "max")))

    def __repr__(self) -> str:
        return f"Radial({len(self.values)} values, cutoff={self.cutoff}, combine={self.combine!r})"

    @classmethod
    def _from_fields(cls, values: dict[str, Any]) -> Radial:
        return cls(**{"profile" if name == "values" else name: value for name, value in values.items()})

    def atom_widths(self, batch: Batch) -> NDArray[np.float64]:
        """The cutoff, for every atom, shape (N,), in A."""
        return np.full(len(batch.numbers), self.cutoff)

    def tabulate(self) -> NDArray[np.float64]:
        """Coefficients of the cubic pieces, shape (n - 1, 4): powers 0 to 3 of the fraction of an interval."""
        y = np.array(self.values)
        slopes = np.gradient(y, edge_order=2) if len(y) > 2 else np.gradient(y)
        rise = np.diff(y)
        left, right = slopes[:-1], slopes[1:]
        return np.stack([y[:-1], left, 3 * rise - 2 * left - right, left + right - 2 * rise], axis=1)

    def _describe_profile(self) -> _Profile:
        return "table", {"maximum": self.combine == "max", "cutoff": self.cutoff, "table": self.tabulate()}
