"""Networks for tests that need an energy of a grid and nothing learned."""

import torch
from torch import nn


class SmallEnergy(nn.Module):
    """Two convolutions and a sum: smooth, float64, the same numbers every time; padded in circles for crystals."""

    def __init__(self, channels=1, padding_mode="zeros", dtype=torch.float64):
        super().__init__()
        state = torch.random.get_rng_state()
        torch.manual_seed(1)
        self.layers = nn.Sequential(
            nn.Conv3d(channels, 4, 3, padding=1, padding_mode=padding_mode),
            nn.SiLU(),
            nn.AvgPool3d(2),
            nn.Conv3d(4, 4, 3, padding=1, padding_mode=padding_mode),
            nn.Softplus(),
            nn.Conv3d(4, 1, 1),
        ).to(dtype)
        for weights in self.parameters():
            weights.data *= 2  # away from the linear regime, in which a crystal has no forces
        torch.random.set_rng_state(state)

    def forward(self, grid):
        return self.layers(20 * grid).sum(dim=(1, 2, 3, 4))
