"""`Volume`: a grid's values together with where they lie and what they mean."""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from particlegrid.batch import Batch
from particlegrid.grid import Grid, find_projection
from particlegrid.resampling import resample
from particlegrid.structure import Structure

if TYPE_CHECKING:
    from particlegrid.placements import Placement

__all__ = ["Volume"]


@dataclass(frozen=True, eq=False, repr=False)
class Volume:
    """Values on a grid.

    Parameters
    ----------
    array : ndarray, shape (C, X, Y, Z), or (C, X, Y) for a projection
    grid : Grid
        Where the voxels lie.
    channels : tuple of str
        Names of the C channels.
    structure : Structure, optional
        The atoms that were drawn; files and pictures show them.

    Raises
    ------
    ValueError
        If the array's shape is not that of the channels and the grid.

    Examples
    --------
    >>> import numpy as np
    >>> grid = Grid(2, axes=np.eye(3), origin=[-1, -1, -1])
    >>> Volume(np.zeros((1, 2, 2, 2)), grid, ("C",))
    Volume(1 channel C, 2 x 2 x 2 voxels of 1 x 1 x 1 A)
    """

    array: NDArray[Any]
    grid: Grid
    channels: tuple[str, ...]
    structure: Structure | None = None

    def __post_init__(self) -> None:
        expected = (len(self.channels), *(n for n in self.grid.shape if n is not None))
        if self.array.shape != expected:
            raise ValueError(f"`array` must have shape {expected}: channels and grid, got {self.array.shape}")

    def __getitem__(self, channel: str | int) -> NDArray[Any]:
        """The values of one channel, by name or number, shape (X, Y, Z)."""
        if isinstance(channel, str):
            if channel not in self.channels:
                raise KeyError(f"no channel {channel!r}; there is {', '.join(self.channels)}")
            channel = self.channels.index(channel)
        values: NDArray[Any] = self.array[channel]
        return values

    def __repr__(self) -> str:
        names = f"{len(self.channels)} channel{'s' * (len(self.channels) > 1)} {' '.join(self.channels)}"
        axes = [d for d in range(3) if d != find_projection(self.grid.shape)]
        shape = " x ".join(str(self.grid.shape[d]) for d in axes)
        edges = " x ".join(f"{self.grid.spacing[d]:g}" for d in axes)
        return f"Volume({names}, {shape} {'voxels' if len(axes) == 3 else 'pixels'} of {edges} A)"

    def resample(self, where: Grid | Placement, method: str = "linear", *, threads: int | None = None) -> Volume:
        """The same field on another grid.

        Parameters
        ----------
        where : Grid, Box, Around or UnitCell
            Where the values are wanted. A placement is placed about the volume's structure.
        method : {"linear", "cubic"}
            See `particlegrid.resample`, also for what happens at the border.
        threads : int, optional
            See `particlegrid.threads.count_threads` for the default.

        Returns
        -------
        Volume
            With the same channels and structure. Values are those at the voxel centres; they are not rescaled when the
            voxels' volume changes, which integrals over voxels would need.

        Raises
        ------
        TypeError, ValueError
            If `where` is no grid and cannot be placed, or the array is neither float32 nor float64.

        Examples
        --------
        >>> import numpy as np
        >>> from particlegrid import Box, Elements, Gaussian, Structure, Voxelizer
        >>> carbon = Structure([[0, 0, 0]], ["C"])
        >>> volume = Voxelizer(Box(16, 0.5), Elements("C"), Gaussian(0.8, "mean")).volume(carbon)
        >>> volume.resample(Box(20, 0.3), method="cubic")
        Volume(1 channel C, 20 x 20 x 20 voxels of 0.3 x 0.3 x 0.3 A)
        """
        grid = where if isinstance(where, Grid) else self._place(where)
        return Volume(
            resample(self.array, self.grid, grid, method, threads=threads), grid, self.channels, self.structure
        )

    def _place(self, where: Placement) -> Grid:
        if not hasattr(where, "place"):
            raise TypeError(f"`where` must be a Grid or a placement such as Box(32, spacing=0.5), got {where!r}")
        if self.structure is None:
            raise ValueError("this volume has no structure to place a grid about: give a Grid")
        return where.place(Batch([self.structure]))[0]

    def save(self, path: str | PathLike[str], channel: str | None = None) -> None:
        """Write to a file whose suffix says the format.

        Parameters
        ----------
        path : path
            ``.npz`` holds everything and is read back by `load`. ``.cube`` (Gaussian cube, through ASE) holds one
            field and the atoms.
        channel : str, optional
            The channel that a one-field format gets; by default the sum of all.

        Raises
        ------
        ValueError
            If the suffix is unknown.
        """
        from particlegrid.io.volumes import write_volume

        write_volume(self, path, channel)

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Volume:
        """Read what `save` wrote as ``.npz``."""
        from particlegrid.io.volumes import read_volume

        return read_volume(path)

    def _repr_html_(self) -> str:
        from particlegrid.view.pictures import volume_html

        return volume_html(self)
