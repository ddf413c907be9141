"""What torch makes of combined values is what the densities make of them."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch

from particlegrid.densities import Boltzmann, Density, Gaussian, LennardJones
from particlegrid.torch.finish import finish

VALUES = [-np.inf, -1e5, -0.3, 0.0, 0.1, 0.4999, 0.5, 0.7, 1e5, 1e38, np.inf, np.nan]
DENSITIES = {
    "energy": LennardJones(),
    "capped energy": LennardJones(cap=0.5),
    "energy with a cap beyond float32": LennardJones(cap=1e39),
    "factor": Boltzmann(LennardJones(), 300.0),
    "capped factor": Boltzmann(LennardJones(cap=0.5, unit="kJ/mol"), 300.0),
    "Gaussian": Gaussian(),
}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("what", DENSITIES.values(), ids=DENSITIES)
def test_values_are_those_of_the_density(what, dtype):
    values = torch.tensor(VALUES, dtype=dtype)
    expected = values.numpy().copy()
    with np.errstate(over="ignore"):
        what.finish(expected)
    # exponents down to -27, of which either side rounds a few
    rtol = 4 * 27 * torch.finfo(dtype).eps
    np.testing.assert_allclose(finish(what, values), expected, rtol=rtol)


@pytest.mark.parametrize("what", [what for what in DENSITIES.values() if what != Gaussian()])
def test_what_is_cut_or_infinite_has_derivatives_0(what):
    values = torch.tensor(VALUES, dtype=torch.float64, requires_grad=True)
    (first,) = torch.autograd.grad(finish(what, values).sum(), values, create_graph=True)
    assert torch.isfinite(first).all()
    if isinstance(what, Boltzmann):  # energies are linear
        (second,) = torch.autograd.grad(first.sum(), values)
        assert torch.isfinite(second).all()
    energy = getattr(what, "of", what)
    cut = torch.tensor(VALUES).isinf() | (torch.tensor(VALUES) >= (np.inf if energy.cap is None else energy.cap))
    assert cut.any()
    assert not first[cut].any()
    assert first[2] != 0


def test_an_upstream_derivative_of_0_stays_0():
    for what in DENSITIES.values():
        values = torch.tensor(VALUES, requires_grad=True)
        (first,) = torch.autograd.grad(finish(what, values), values, torch.zeros(len(VALUES)))
        assert not first.any()


@pytest.mark.parametrize("what", DENSITIES.values(), ids=DENSITIES)
def test_derivatives_where_values_are_smooth(what):
    values = torch.tensor([-0.3, -0.01, 0.2, 0.4, 0.8], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: finish(what, x), values)
    assert torch.autograd.gradgradcheck(lambda x: finish(what, x), values)


def test_a_finish_of_ones_own_has_no_counterpart():
    @dataclass(frozen=True)
    class _Halved(Density):
        def finish(self, values):
            values *= 0.5

    with pytest.raises(NotImplementedError, match=r"_Halved\.finish has no counterpart in torch"):
        finish(_Halved(), torch.zeros(3))
