"""Kernels for GPUs, in Triton: Gaussians on orthogonal and on sheared voxels, and their gradients.

A drawing kernel gathers: each program owns one tile of one channel, loops over the images of atoms whose supports touch
it, in a fixed order, and writes it once. A kernel of gradients has one program for each image, which reads the voxels
of its support. No sum depends on the order in which programs run, so results have the same bits from run to run.

Nothing else imports this package when it is loaded, since it needs Triton. With the environment variable
``TRITON_INTERPRET=1``, set before it is imported, the kernels run without a GPU, on tensors of the CPU.
"""

from particlegrid.errors import require

require("triton", "torch")

from particlegrid.torch.triton.gaussian import draw, pull_back  # noqa: E402

__all__ = ["draw", "pull_back"]
