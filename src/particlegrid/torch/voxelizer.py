"""`Voxelizer`: the layer of a network that draws its input."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

import particlegrid.voxelizer as core
from particlegrid.elements import SYMBOLS
from particlegrid.torch.functional import draw, make_style
from particlegrid.torch.structures import gather, look_up
from particlegrid.torch.tables import Tables

__all__ = ["Voxelizer"]


class Voxelizer(nn.Module):
    """Draws structures as a layer: `particlegrid.torch.voxelize`, with what may be learned.

    Parameters
    ----------
    vox : particlegrid.Voxelizer
        Where, which and what.
    learn_sigma : bool
        Whether the widths of the elements are parameters: the density's to begin with. Their logarithms are learned
        (`log_sigma`), so that they stay positive and steps are relative. A scheme's own widths do not count then.
    embedding : int or Tensor, shape (119, C), optional
        A learned weight of each element (by atomic number) in each of C channels, in place of the scheme's channels;
        a number of channels (standard normal numbers to begin with, as `torch.nn.Embedding`), or the first weights.

    Attributes
    ----------
    vox : particlegrid.Voxelizer
    log_sigma : Parameter, shape (119,), or None
        Logarithms of the widths in A; see `sigma`.
    embedding : Parameter, shape (119, C), or None

    Raises
    ------
    TypeError, ValueError
        If `vox` is no Voxelizer, its density has no widths to learn, or the embedding has another shape.

    Notes
    -----
    Where elements alone decide channels and widths (`Elements`, `ElementGroups`, `AllAtoms`, `ElementVectors`, their
    sums), `torch.compile(fullgraph=True)` and `torch.export` trace one graph. A checkpoint (`state_dict`) carries the
    description of `vox`, and only loads into a layer that draws the same.

    Examples
    --------
    >>> import particlegrid as pg
    >>> vox = pg.Voxelizer(pg.Box(16, spacing=0.5), pg.Elements("H", "O"), pg.Gaussian(0.5))
    >>> layer = Voxelizer(vox, learn_sigma=True)
    >>> positions = torch.tensor([[0.0, 0, 0], [0.76, 0.59, 0], [-0.76, 0.59, 0]])
    >>> grid = layer(positions, torch.tensor([8, 1, 1]))
    >>> (grid**2).sum().backward()
    >>> layer.log_sigma.grad.nonzero().squeeze(1).tolist()
    [1, 8]
    """

    vox: core.Voxelizer
    log_sigma: nn.Parameter | None
    embedding: nn.Parameter | None

    def __init__(self, vox: core.Voxelizer, learn_sigma: bool = False, embedding: int | Tensor | None = None) -> None:
        super().__init__()
        self._style = make_style(vox)
        self.vox = vox
        tables = Tables.make(vox.which, vox.what)
        for name, table in tables._asdict().items():
            # made again from `vox`: no part of a checkpoint
            self.register_buffer(f"_table_{name}", table, persistent=False)
        self.register_parameter("log_sigma", _start_sigma(vox, tables) if learn_sigma else None)
        self.register_parameter("embedding", _start_embedding(embedding))

    @property
    def channels(self) -> tuple[str, ...]:
        """Names of the channels."""
        if self.embedding is None:
            return self.vox.channels
        return tuple(f"embedding[{k}]" for k in range(self.embedding.shape[1]))

    @property
    def sigma(self) -> Tensor | None:
        """Learned widths by atomic number, shape (119,), in A; NaN for elements without; None if none are learned."""
        if self.log_sigma is None:
            return None
        start = self._tables.widths
        assert start is not None
        return torch.where(start.view(torch.float64)[:, 0].isnan(), torch.nan, self.log_sigma.exp())

    @property
    def _tables(self) -> Tables:
        return Tables(*(getattr(self, f"_table_{name}") for name in Tables._fields))

    def forward(
        self,
        positions: Tensor,
        numbers: Tensor,
        *,
        batch: Tensor | None = None,
        ptr: Tensor | None = None,
        batch_size: int | None = None,
        cell: Tensor | None = None,
        pbc: Tensor | bool | tuple[bool, bool, bool] | None = None,
        weights: Tensor | None = None,
        widths: Tensor | None = None,
        properties: Mapping[str, Tensor] | None = None,
    ) -> Tensor:
        """Draw n structures: Tensor, shape (n, C, X, Y, Z), or (n, C, X, Y) of a projection.

        Parameters and errors are those of `particlegrid.torch.voxelize`. With an embedding, `weights` of shape (N,)
        multiply it and others are refused; `widths` take the place of learned ones.
        """
        atoms = gather(positions, numbers, batch, ptr, batch_size, cell, pbc)
        if self.embedding is not None:
            rows = look_up(self.embedding, atoms)
            if weights is not None and weights.dim() != 1:
                raise ValueError(
                    f"the layer's embedding gives the weights of channels; `weights` must have shape "
                    f"({positions.shape[0]},), got {tuple(weights.shape)}"
                )
            weights = rows if weights is None else rows * weights.unsqueeze(1)
        sigma = self.sigma
        if sigma is not None and widths is None:
            widths = look_up(sigma, atoms)
        return draw(self._style, self._tables, atoms, weights, widths, properties)

    def extra_repr(self) -> str:
        """Where, which and what, and what is learned."""
        vox = self.vox
        parts = [f"{vox.where!r}", f"{vox.which!r}", f"{vox.what!r}", f"dtype={vox.dtype}"]
        if self.log_sigma is not None:
            parts.append("learn_sigma=True")
        if self.embedding is not None:
            parts.append(f"embedding={self.embedding.shape[1]}")
        return ", ".join(parts)

    def get_extra_state(self) -> dict[str, Any]:
        """What a checkpoint says of the input: ``{"vox": vox.to_dict()}``."""
        return {"vox": self.vox.to_dict()}

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """Compare a checkpoint's input with this layer's.

        Raises
        ------
        ValueError
            If they differ; parameters that were learned on other grids mean nothing on these.
        """
        saved = core.Voxelizer.from_dict(state["vox"])
        if saved != replace(self.vox, threads=saved.threads):
            raise ValueError(
                f"the checkpoint draws its input by {saved}, and this layer by {self.vox}; make the layer of "
                'particlegrid.Voxelizer.from_dict(state_dict["..._extra_state"]["vox"])'
            )


def _start_sigma(vox: core.Voxelizer, tables: Tables) -> nn.Parameter:
    if tables.widths is None or type(vox.what).__name__ in ("Coulomb", "Radial"):
        raise ValueError(f"`learn_sigma` needs a density with a width for each element, got {vox.what!r}")
    widths = tables.widths.view(torch.float64)[:, 0]
    # 0 stands where there is no width, and `sigma` says NaN
    return nn.Parameter(widths.log().nan_to_num(0.0).to(torch.get_default_dtype()))


def _start_embedding(embedding: int | Tensor | None) -> nn.Parameter | None:
    if embedding is None:
        return None
    rows = len(SYMBOLS)
    if isinstance(embedding, Tensor):
        if embedding.dim() != 2 or embedding.shape[0] != rows or not embedding.dtype.is_floating_point:
            raise ValueError(
                f"`embedding` must have shape ({rows}, C), a row for each atomic number from 0, in floating point; got "
                f"{embedding.dtype} of shape {tuple(embedding.shape)}"
            )
        return nn.Parameter(embedding.detach().clone())
    if isinstance(embedding, bool) or not isinstance(embedding, int) or embedding < 1:
        raise ValueError(f"`embedding` must be a number of channels from 1 on, or a tensor, got {embedding!r}")
    return nn.Parameter(torch.randn(rows, embedding))
