"""`Transforms`: what numpy's `Transform` does, for tensors and their gradients."""

from __future__ import annotations

import re

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from particlegrid import Box, Elements, Gaussian, Structure, Transform, Voxelizer  # noqa: E402
from particlegrid.torch import Transforms  # noqa: E402

SIZES = (4, 1, 0, 6)


def make_motions(n: int = len(SIZES), seed: int = 0) -> list[Transform]:
    random = np.random.default_rng(seed)
    motions = [Transform(random.normal(size=4), random.normal(size=3) * 3, random.normal(size=3) * 3) for _ in range(n)]
    motions[-1] = Transform(-motions[-1].rotation, motions[-1].center, motions[-1].translation)  # a mirror
    return motions


def make_batch(dtype: torch.dtype = torch.float64) -> tuple[torch.Tensor, torch.Tensor]:
    owners = torch.repeat_interleave(torch.arange(len(SIZES)), torch.tensor(SIZES))
    return torch.randn(len(owners), 3, dtype=dtype, generator=torch.Generator().manual_seed(1)) * 4, owners


def test_each_structure_moves_as_its_numpy_transform_moves_it() -> None:
    motions, (positions, owners) = make_motions(), make_batch()
    moved = Transforms.from_numpy(motions).apply(positions, owners)
    turned = Transforms.from_numpy(motions).apply_vectors(positions, owners)
    for i, motion in enumerate(motions):
        own = owners == i
        np.testing.assert_allclose(moved[own].numpy(), motion.apply(positions[own].numpy()), rtol=0, atol=2e-14)
        np.testing.assert_allclose(
            turned[own].numpy(), motion.apply_vectors(positions[own].numpy()), rtol=0, atol=2e-14
        )


def test_the_order_of_the_atoms_does_not_matter() -> None:
    done, (positions, owners) = Transforms.from_numpy(make_motions()), make_batch()
    order = torch.randperm(len(owners), generator=torch.Generator().manual_seed(2))
    assert torch.equal(done.apply(positions[order], owners[order]), done.apply(positions, owners)[order])


def test_one_motion_moves_all_rows_and_n_motions_move_n_rows() -> None:
    (one, *_), positions = make_motions(), make_batch()[0]
    np.testing.assert_allclose(
        Transforms.from_numpy(one).apply(positions).numpy(), one.apply(positions.numpy()), rtol=0, atol=2e-14
    )
    done = Transforms.from_numpy(make_motions(len(positions)))
    assert torch.equal(done.apply(positions), done.apply(positions, torch.arange(len(positions))))


def test_float32_is_float64_rounded() -> None:
    done, (positions, owners) = Transforms.from_numpy(make_motions()), make_batch(torch.float32)
    for apply in (done.apply, done.apply_centered, done.apply_vectors):
        moved = apply(positions, owners)
        assert moved.dtype == torch.float32
        assert torch.equal(moved, apply(positions.double(), owners).float())
    single = done.to(dtype=torch.float32)
    assert single.apply(positions, owners).dtype == torch.float32
    assert torch.allclose(single.apply(positions, owners), done.apply(positions, owners), atol=1e-5)


def test_rows_of_cells_turn_like_vectors() -> None:
    motions = make_motions()
    cells = torch.randn(len(motions), 3, 3, dtype=torch.float64)
    turned = Transforms.from_numpy(motions).apply_vectors(cells)
    for motion, before, after in zip(motions, cells, turned):
        np.testing.assert_allclose(after.numpy(), motion.apply_vectors(before.numpy()), rtol=0, atol=1e-14)


def test_the_inverse_leads_back() -> None:
    done, (positions, owners) = Transforms.from_numpy(make_motions()), make_batch()
    back = done.inverse()
    assert torch.allclose(back.apply(done.apply(positions, owners), owners), positions, atol=1e-13)
    assert torch.allclose(back.apply_vectors(done.apply_vectors(positions, owners), owners), positions, atol=1e-13)


def test_composition_equals_one_after_the_other_and_numpys() -> None:
    first, second = make_motions(seed=3), make_motions(seed=4)
    positions, owners = make_batch()
    both = Transforms.from_numpy(second) @ Transforms.from_numpy(first)
    expected = Transforms.from_numpy(second).apply(Transforms.from_numpy(first).apply(positions, owners), owners)
    assert torch.allclose(both.apply(positions, owners), expected, atol=1e-13)
    also = Transforms.from_numpy([b @ a for a, b in zip(first, second)])
    for name in ("rotations", "centers", "translations"):
        assert torch.allclose(getattr(both, name), getattr(also, name), atol=1e-13)
    with pytest.raises(ValueError, match="motions of 4 structures, and of 1"):
        both.compose(Transforms.from_numpy(first[0]))
    with pytest.raises(TypeError):
        both @ first[0]


def test_to_numpy_and_back() -> None:
    done = Transforms.from_numpy(make_motions())
    again = Transforms.from_numpy(done.numpy())
    assert len(done.numpy()) == len(again) == 4
    for name in ("rotations", "centers", "translations"):
        assert torch.equal(getattr(done, name), getattr(again, name))
        assert not np.shares_memory(getattr(done.numpy(), name), getattr(done, name).numpy())


@pytest.mark.parametrize("method", ["apply", "apply_centered", "apply_vectors"])
def test_derivatives_to_second_order(method: str) -> None:
    positions, owners = make_batch()
    done = Transforms.from_numpy(make_motions())
    parts = [part.requires_grad_() for part in (done.rotations, done.centers, done.translations)]

    def move(positions: torch.Tensor, *parts: torch.Tensor) -> torch.Tensor:
        return getattr(Transforms(*parts), method)(positions, owners)

    assert torch.autograd.gradcheck(move, (positions.requires_grad_(), *parts))
    assert torch.autograd.gradgradcheck(move, (positions, *parts))


def test_the_gradient_turns_back_and_is_not_shifted() -> None:
    done, (positions, owners) = Transforms.from_numpy(make_motions()), make_batch()
    gradient = torch.randn_like(positions)
    (got,) = torch.autograd.grad(done.apply(positions.requires_grad_(), owners), positions, gradient)
    assert torch.allclose(got, done.inverse().apply_vectors(gradient, owners), atol=1e-14)


def test_forces_on_a_grid_map_back() -> None:
    """The force of a turned grid's energy, turned back, is the difference quotient of the energy by the first atoms."""
    random = np.random.default_rng(5)
    positions, numbers = random.normal(size=(5, 3)), ["C", "H", "C", "H", "H"]
    vox = Voxelizer(Box(16, 0.5, center="origin"), Elements("H", "C"), Gaussian(0.6), dtype="float64", tol=1e-12)
    weights = random.normal(size=(2, 16, 16, 16))
    done = Transforms.from_numpy(Transform(random.normal(size=4), (0.1, 0.2, 0.3), (0.3, -0.2, 0.1)))

    def quotient(r: np.ndarray, atom: int, axis: int, before: bool) -> float:
        values = []
        for step in (1e-5, -1e-5):
            shifted = torch.tensor(r)
            shifted[atom, axis] += step
            at = done.apply(shifted) if before else shifted
            values.append(float((vox(Structure(at.numpy(), numbers)) * weights).sum()))
        return (values[0] - values[1]) / 2e-5

    moved = done.apply(torch.tensor(positions)).numpy()
    there = torch.tensor([[quotient(moved, a, d, False) for d in range(3)] for a in range(5)])
    here = torch.tensor([[quotient(positions, a, d, True) for d in range(3)] for a in range(5)])
    assert torch.allclose(done.inverse().apply_vectors(there), here, atol=1e-8)
    assert not torch.allclose(there, here, atol=1e-2)


def test_one_graph_when_compiled() -> None:
    done, (positions, owners) = Transforms.from_numpy(make_motions()), make_batch()

    def move(r: torch.Tensor, batch: torch.Tensor) -> torch.Tensor:
        moved = done.apply(r, batch)
        return moved + done.inverse().apply_vectors(moved, batch)

    torch._dynamo.reset()
    compiled = torch.compile(move, fullgraph=True, backend="aot_eager")
    positions.requires_grad_()
    assert torch.equal(compiled(positions, owners), move(positions, owners))
    grads = [torch.autograd.grad(f(positions, owners).square().sum(), positions)[0] for f in (compiled, move)]
    assert torch.allclose(*grads, rtol=1e-14)


def test_autocast_leaves_positions_alone() -> None:
    done, (positions, owners) = Transforms.from_numpy(make_motions()), make_batch(torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        moved = done.to(dtype=torch.float32).apply(positions, owners)
    assert torch.equal(moved, done.to(dtype=torch.float32).apply(positions, owners))


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda d, r, b: d.apply(r), ValueError, "`positions` has 11 rows for 4 structures: give `batch`"),
        (lambda d, r, b: d.apply(r, b[:3]), ValueError, "`batch` must have shape (11,) as `positions`, got (3,)"),
        (lambda d, r, b: d.apply(r, b.double()), TypeError, "`batch` must be int64, got torch.float64"),
        (lambda d, r, b: d.apply(r.long(), b), TypeError, "`positions` must be a floating tensor, got torch.int64"),
        (lambda d, r, b: d.apply(r.numpy(), b), TypeError, "`positions` must be a floating tensor, got ndarray"),
        (lambda d, r, b: d.apply(r[:, :2], b), ValueError, "`positions` must have shape (N, ..., 3), got (11, 2)"),
        (lambda d, r, b: d.apply(r[:, None], b), ValueError, "`positions` must have shape (N, 3), got (11, 1, 3)"),
        (lambda d, r, b: d.apply_vectors(r.T, b), ValueError, "`vectors` must have shape (N, ..., 3), got (3, 11)"),
        (lambda d, r, b: d.apply(r, b + 1), IndexError, "index out of range"),
        (lambda d, r, b: d.apply(r, b - 1), IndexError, "index out of range"),
        (lambda d, r, b: Transforms(r, r, r), ValueError, "`rotations` must have shape (11, 3, 3), got (11, 3)"),
        (lambda d, r, b: Transforms([1.0], r, r), TypeError, "`rotations` must be a floating tensor, got list"),
        (
            lambda d, r, b: Transforms(d.rotations, d.centers[:2], d.translations),
            ValueError,
            "`centers` must have shape (4, 3), got (2, 3)",
        ),
        (
            lambda d, r, b: Transforms(d.rotations, d.centers, d.translations.float()),
            TypeError,
            "`translations` must be torch.float64 as `rotations` is, got torch.float32",
        ),
        (lambda d, r, b: Transforms.from_numpy([1]), TypeError, "`motion` must be a Transform, several, or"),
    ],
)
def test_bad_input_is_named(make: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=re.escape(message)):
        make(Transforms.from_numpy(make_motions()), *make_batch())  # type: ignore[operator]
