"""Augmentation of tensors: what the numpy side draws, bit for bit, and what it moves."""

from __future__ import annotations

import re

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from particlegrid import Batch, Structure  # noqa: E402
from particlegrid.augment import Augmentation  # noqa: E402
from particlegrid.torch import PrincipalFrame, RandomRotation, draw_transforms  # noqa: E402

EVERY = [
    RandomRotation(seed=3, jitter=0.3),
    RandomRotation(seed=2**64 - 1, kind="octahedral", jitter=0.3),
    RandomRotation(kind="octahedral", fixed=0, jitter=0.5),  # a shift alone
    PrincipalFrame(seed=3, flips=8, tilt=7.0, jitter=0.3),
    PrincipalFrame(seed=3, flips=4),
    PrincipalFrame(flips=0),
]
INDICES = np.arange(40) * 2**33 + 5


def make_batch(n: int = 40, seed: int = 0) -> Batch:
    random = np.random.default_rng(seed)
    sizes = random.integers(0, 20, n)
    return Batch(
        Structure(random.normal(size=(m, 3)) * [3, 2, 1] + random.normal(size=3) * 5, random.choice([1, 6, 8], m))
        for m in sizes
    )


def as_tensors(batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.tensor(batch.positions), torch.tensor(batch.owners)


@pytest.mark.parametrize("augmentation", EVERY, ids=repr)
@pytest.mark.parametrize("epoch", [0, 2**32 - 1])
def test_transforms_and_what_they_move_have_the_bits_of_the_numpy_side(augmentation: Augmentation, epoch: int) -> None:
    batch = make_batch()
    expected = augmentation.draw(batch, epoch, INDICES)
    positions, owners = as_tensors(batch)
    done = draw_transforms(augmentation, positions, owners, epoch, torch.tensor(INDICES))
    for motion, other in ((done, expected), (done.inverse(), expected.inverse())):
        for name in ("rotations", "centers", "translations"):
            got = getattr(motion, name)
            assert got.dtype == torch.float64
            assert np.array_equal(got.numpy(), getattr(other, name)), name
        assert np.array_equal(motion.apply(positions, owners).numpy(), other.apply(batch).positions)
        assert np.array_equal(motion.apply_centered(positions, owners).numpy(), other.apply_centered(batch).positions)
        forces = np.random.default_rng(1).normal(size=batch.positions.shape)
        turned = motion.apply_vectors(torch.tensor(forces), owners)
        assert np.array_equal(turned.numpy(), other.apply_vectors(forces, batch))


@pytest.mark.parametrize("augmentation", EVERY, ids=repr)
def test_atoms_of_different_structures_may_be_mixed(augmentation: Augmentation) -> None:
    batch = make_batch()
    positions, owners = as_tensors(batch)
    whole = draw_transforms(augmentation, positions, owners, 1, INDICES)
    rank = torch.arange(len(owners)) - torch.tensor(batch.offsets)[owners]
    order = torch.argsort(rank, stable=True)  # the first atom of each structure, then the second of each
    mixed = draw_transforms(augmentation, positions[order], owners[order], 1, INDICES)
    for name in ("rotations", "centers", "translations"):
        assert torch.equal(getattr(mixed, name), getattr(whole, name))
    assert torch.equal(mixed.apply(positions[order], owners[order]), whole.apply(positions, owners)[order])


def test_float32_positions_draw_what_their_float64_values_draw() -> None:
    positions, owners = as_tensors(make_batch())
    single = positions.float()
    for augmentation in EVERY:
        a = draw_transforms(augmentation, single, owners, 0, INDICES)
        b = draw_transforms(augmentation, single.double(), owners, 0, INDICES)
        assert torch.equal(a.rotations, b.rotations)
        assert torch.equal(a.centers, b.centers)
        assert torch.equal(a.apply(single, owners), b.apply(single.double(), owners).float())


@pytest.mark.parametrize("augmentation", EVERY, ids=repr)
def test_forces_by_autograd_through_an_augmentation_are_those_before_it(augmentation: Augmentation) -> None:
    positions, owners = as_tensors(make_batch())
    positions.requires_grad_()
    anchors = torch.randn(positions.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    done = draw_transforms(augmentation, positions, owners, 0, INDICES)
    assert not any(part.requires_grad for part in (done.rotations, done.centers, done.translations))
    moved = done.apply(positions, owners)
    # quartic along the axes: an energy of the moved atoms that knows the axes' directions
    (there,) = torch.autograd.grad((moved**4).sum(), moved, retain_graph=True)
    (through,) = torch.autograd.grad((moved**4).sum(), positions, retain_graph=True)
    assert torch.allclose(done.inverse().apply_vectors(there, owners), through, rtol=1e-12)
    # springs to points that move along: an energy that does not change by the motion
    (through,) = torch.autograd.grad(((moved - done.apply(anchors, owners)) ** 2).sum(), positions)
    assert torch.allclose(through, 2 * (positions.detach() - anchors), atol=1e-11)


def test_a_shift_alone_turns_nothing() -> None:
    positions, owners = as_tensors(make_batch())
    done = draw_transforms(RandomRotation(kind="octahedral", fixed=0, jitter=0.5), positions, owners, 0, INDICES)
    assert torch.equal(done.rotations, torch.eye(3, dtype=torch.float64).expand(40, 3, 3))
    assert done.translations.abs().max() > 0.45
    assert torch.allclose(done.apply(positions, owners), positions + done.translations[owners], atol=1e-14)


def test_no_structures_and_structures_without_atoms() -> None:
    none = torch.empty(0, 3), torch.empty(0, dtype=torch.int64)
    for augmentation in EVERY:
        assert len(draw_transforms(augmentation, *none, 0, [])) == 0
        done = draw_transforms(augmentation, *none, 0, [4, 5])
        assert done.rotations.shape == (2, 3, 3)
        assert done.apply(*none).shape == (0, 3)


R, B = torch.zeros(3, 3), torch.tensor([0, 1, 1])


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((None, R, B, 0, [0, 1]), TypeError, "`augmentation` must be a RandomRotation or a PrincipalFrame, got None"),
        ((EVERY[0], R.numpy(), B, 0, [0, 1]), TypeError, "`positions` must be a tensor, got ndarray"),
        ((EVERY[0], R, [0, 1, 1], 0, [0, 1]), TypeError, "`batch` must be a tensor, got list"),
        ((EVERY[0], R[:, :2], B, 0, [0, 1]), ValueError, "`positions` must have shape (N, 3), got (3, 2)"),
        ((EVERY[0], R, B[:2], 0, [0, 1]), ValueError, "`batch` must be int64 of shape (3,), got torch.int64, (2,)"),
        ((EVERY[0], R, B.float(), 0, [0, 1]), ValueError, "`batch` must be int64 of shape (3,), got torch.float32"),
        ((EVERY[0], R, B, 0, [0]), ValueError, "`batch` must lie between 0 and 0, for the 1 `indices`, got 0 to 1"),
        ((EVERY[0], R, B - 1, 0, [0, 1]), ValueError, "got -1 to 0"),
        ((EVERY[0], R / 0, B, 0, [0, 1]), ValueError, "`positions[0]` is not finite"),
        ((EVERY[0], R, B, 0, 5), TypeError, "`indices` must be whole numbers of shape (n,), got shape ()"),
        ((EVERY[0], R, B, 0, [0.5, 1]), TypeError, "`indices` must be whole numbers of shape (n,), got float64"),
        ((EVERY[0], R, B, -1, [0, 1]), ValueError, "`epoch` must lie between 0"),
    ],
)
def test_bad_input_is_named(arguments: tuple, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=re.escape(message)):
        draw_transforms(*arguments)
