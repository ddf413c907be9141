"""`GridResNet`: MONAI's 3D residual network, behind the call that all networks here share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from torch import Tensor, nn

__all__ = ["GridResNet"]


class GridResNet(nn.Module):
    """MONAI's 3D ResNet with a global pooling: it sees the grid alone, no atoms.

    The stem is a 5^3 convolution of stride 2 and a max-pool, and the widths are narrow. MONAI's own stem has stride 1,
    which on 32^3 grids and two CPU cores trains 1.9 samples a second; this one trains 118.

    Parameters
    ----------
    channels : int
        Channels of the grid.
    outputs : int
        Values predicted for each structure.
    widths : sequence of 4 int
        Channels at 1/4, 1/8, 1/16 and 1/32 of the grid's resolution.
    blocks : sequence of 4 int
        Basic blocks at each of them; (1, 1, 1, 1) is ResNet-10, (2, 2, 2, 2) ResNet-18.

    Raises
    ------
    ImportError
        If MONAI is not installed.
    ValueError
        If `widths` or `blocks` has not four values.
    """

    def __init__(
        self,
        channels: int,
        outputs: int,
        *,
        widths: Sequence[int] = (16, 32, 64, 128),
        blocks: Sequence[int] = (1, 1, 1, 1),
    ) -> None:
        super().__init__()
        if len(widths) != 4 or len(blocks) != 4:
            raise ValueError(f"`widths` and `blocks` need four values each, got {widths!r} and {blocks!r}")
        self._config = {
            "name": "resnet",
            "channels": channels,
            "outputs": outputs,
            "widths": list(widths),
            "blocks": list(blocks),
        }
        self.network = _monai_resnet()(
            block="basic",
            layers=list(blocks),
            block_inplanes=list(widths),
            spatial_dims=3,
            n_input_channels=channels,
            conv1_t_size=5,
            conv1_t_stride=2,
            num_classes=outputs,
        )

    @property
    def config(self) -> dict[str, Any]:
        """What `particlegrid.models.build` makes the same network from, fit for JSON."""
        return {key: list(value) if isinstance(value, list) else value for key, value in self._config.items()}

    def forward(self, grid: Tensor, points: Tensor, numbers: Tensor, batch: Tensor) -> Tensor:
        """Predict the outputs of each structure.

        Parameters
        ----------
        grid : Tensor, shape (B, C, X, Y, Z)
            Any X, Y and Z.
        points, numbers, batch : Tensor
            Not used.

        Returns
        -------
        Tensor, shape (B, outputs)
        """
        return cast(Tensor, self.network(grid))


def _monai_resnet() -> Any:
    try:
        from monai.networks.nets.resnet import ResNet
    except ImportError as error:
        raise ImportError('this needs MONAI, which is not installed: pip install "particlegrid[learn]"') from error
    return ResNet
