"""Every network keeps the common call: shapes, gradients, invariances, and a config that rebuilds it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable

import pytest

torch = pytest.importorskip("torch")

from torch import Tensor, nn  # noqa: E402

from particlegrid import models  # noqa: E402

Inputs = tuple[Tensor, Tensor, Tensor, Tensor]

DEEP = {"widths": (8, 16), "blocks": (1, 1), "stencils": (3, 1), "hidden": 32, "atom_outputs": 2}
SHALLOW = {"widths": (8,), "blocks": (0,), "stencils": (3,), "hidden": 32}


def make_deep() -> nn.Module:
    return models.build("atom_readout", channels=5, outputs=3, **DEEP)


def make_shallow() -> nn.Module:
    return models.build("atom_readout", channels=5, outputs=3, **SHALLOW)


def make_resnet() -> nn.Module:
    pytest.importorskip("monai")
    return models.build("resnet", channels=5, outputs=3, widths=(4, 8, 8, 16))


ALL = pytest.mark.parametrize("make", [make_deep, make_shallow, make_resnet])
READOUT = pytest.mark.parametrize("make", [make_deep, make_shallow])


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def make_inputs(counts: tuple[int, ...] = (4, 1, 7)) -> Inputs:
    atoms = sum(counts)
    grid = torch.rand(len(counts), 5, 12, 8, 16)
    batch = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))
    return grid, torch.rand(atoms, 3) * 2 - 1, torch.randint(1, 119, (atoms,)), batch


@ALL
def test_outputs_are_one_row_a_structure(make: Callable[[], nn.Module]) -> None:
    output = make()(*make_inputs())
    assert output.shape == (3, 3)
    assert output.isfinite().all()


@ALL
def test_gradients_reach_every_weight_and_the_grid(make: Callable[[], nn.Module]) -> None:
    model = make()
    grid, points, numbers, batch = make_inputs()
    grid.requires_grad_()
    output = model(grid, points, numbers, batch)
    if isinstance(model, models.AtomReadoutCNN):
        output = output.sum() + model.predict_with_atoms(grid, points, numbers, batch)[1].sum()
    output.sum().backward()
    assert grid.grad is not None
    assert grid.grad.abs().sum() > 0
    assert [name for name, weight in model.named_parameters() if weight.grad is None] == []


@READOUT
def test_gradients_reach_the_positions(make: Callable[[], nn.Module]) -> None:
    grid, points, numbers, batch = make_inputs()
    points.requires_grad_()
    make()(grid, points, numbers, batch).sum().backward()
    assert points.grad is not None
    assert (points.grad.abs().sum(1) > 0).all()


@ALL
def test_permuted_structures_give_permuted_outputs(make: Callable[[], nn.Module]) -> None:
    model = make().eval()
    counts, order = (4, 1, 7), (2, 0, 1)
    grid, points, numbers, batch = make_inputs(counts)
    atoms = torch.cat([(batch == i).nonzero().flatten() for i in order])
    new_batch = torch.repeat_interleave(torch.arange(3), torch.tensor([counts[i] for i in order]))
    with torch.no_grad():
        expected = model(grid, points, numbers, batch)[list(order)]
        permuted = model(grid[list(order)], points[atoms], numbers[atoms], new_batch)
    torch.testing.assert_close(permuted, expected, rtol=1e-4, atol=1e-5)


@READOUT
def test_the_order_of_atoms_does_not_matter(make: Callable[[], nn.Module]) -> None:
    model = make().eval()
    grid, points, numbers, batch = make_inputs()
    order = torch.cat([i[torch.randperm(len(i))] for i in ((batch == k).nonzero().flatten() for k in range(3))])
    assert isinstance(model, models.AtomReadoutCNN)
    with torch.no_grad():
        outputs, atoms = model.predict_with_atoms(grid, points, numbers, batch)
        shuffled, shuffled_atoms = model.predict_with_atoms(grid, points[order], numbers[order], batch)
    torch.testing.assert_close(shuffled, outputs, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(shuffled_atoms, atoms[order], rtol=1e-4, atol=1e-5)


@READOUT
def test_a_structure_does_not_see_its_neighbours_in_the_batch(make: Callable[[], nn.Module]) -> None:
    model = make().eval()
    grid, points, numbers, batch = make_inputs()
    with torch.no_grad():
        together = model(grid, points, numbers, batch)
        alone = [
            model(grid[i : i + 1], points[batch == i], numbers[batch == i], batch[batch == i] * 0) for i in range(3)
        ]
    torch.testing.assert_close(together, torch.cat(alone), rtol=1e-4, atol=1e-5)


@READOUT
@pytest.mark.parametrize("far", [1.5, 10.0, 1e30])
def test_atoms_outside_the_box_are_harmless(make: Callable[[], nn.Module], far: float) -> None:
    model = make()
    grid, points, numbers, batch = make_inputs()
    points[0], points[5] = far, -far
    model(grid, points, numbers, batch).sum().backward()
    assert all(weight.grad is None or weight.grad.isfinite().all() for weight in model.parameters())


@ALL
def test_empty_channels_give_finite_outputs(make: Callable[[], nn.Module]) -> None:
    model = make()
    grid, points, numbers, batch = make_inputs()
    grid[:, 1:] = 0
    assert model(grid, points, numbers, batch).isfinite().all()
    assert model.eval()(torch.zeros_like(grid), points, numbers, batch).isfinite().all()


@READOUT
def test_structures_without_atoms_give_finite_outputs(make: Callable[[], nn.Module]) -> None:
    model = make().eval()
    assert model(*make_inputs((0, 3, 0))).isfinite().all()
    assert model(*make_inputs((0, 0))).shape == (2, 3)


@ALL
def test_the_config_rebuilds_the_network(make: Callable[[], nn.Module]) -> None:
    model = make().eval()
    rebuilt = models.build(**json.loads(json.dumps(model.config))).eval()
    rebuilt.load_state_dict(model.state_dict())
    inputs = make_inputs()
    assert rebuilt.config == model.config
    assert torch.equal(rebuilt(*inputs), model(*inputs))


@ALL
def test_eval_mode_is_deterministic(make: Callable[[], nn.Module]) -> None:
    model = make().eval()
    inputs = make_inputs()
    assert torch.equal(model(*inputs), model(*inputs))


def test_channels_last_gives_the_same() -> None:
    model = make_deep().eval()
    inputs = make_inputs()
    with torch.no_grad():
        expected = model(*inputs)
        last = model.to(memory_format=torch.channels_last_3d)(*inputs)
    torch.testing.assert_close(last, expected, rtol=1e-4, atol=1e-5)


def test_auxiliary_outputs_are_one_row_an_atom() -> None:
    model = models.AtomReadoutCNN(5, 3, **DEEP)  # type: ignore[arg-type]
    outputs, atoms = model.predict_with_atoms(*make_inputs())
    assert outputs.shape == (3, 3)
    assert atoms.shape == (12, 2)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"widths": (8, 16)}, "a value for each level"),
        ({"widths": (0,)}, "must be positive"),
        ({"blocks": (-1,)}, "not negative"),
        ({"stencils": (2,)}, "odd number"),
        ({"stencils": (0,)}, "read at least one level"),
        ({"outputs": 0}, "`outputs` must be at least 1"),
    ],
)
def test_wrong_options_are_named(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        models.build("atom_readout", **({"channels": 5, "outputs": 3} | wrong))


def test_a_grid_that_cannot_be_halved_is_refused() -> None:
    with pytest.raises(ValueError, match="multiples of 4"):
        make_deep()(
            torch.zeros(1, 5, 8, 8, 6), torch.zeros(1, 3), torch.ones(1, dtype=torch.long), torch.zeros(1).long()
        )


def test_unknown_names_are_refused() -> None:
    with pytest.raises(ValueError, match="atom_readout, resnet"):
        models.build("vgg")


def test_missing_monai_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "monai.networks.nets.resnet", None)
    with pytest.raises(ImportError, match=r"pip install \"particlegrid\[learn\]\""):
        models.build("resnet", channels=5, outputs=3)


def test_resnet_wants_four_stages() -> None:
    with pytest.raises(ValueError, match="four values"):
        models.GridResNet(5, 3, widths=(8, 8))
