"""Augmentations: pure, uniform, orthogonal, and undone by their inverse."""

from __future__ import annotations

import json

import numpy as np
import pytest

from particlegrid import Batch, Box, Elements, Gaussian, Structure, Voxelizer
from particlegrid.augment import Augmentation, PrincipalFrame, RandomRotation, Transforms
from particlegrid.philox import draw_uniforms, permute, philox
from particlegrid.registry import from_dict
from particlegrid.rotations import FLIPS, OCTAHEDRAL

EVERY = [
    RandomRotation(seed=3, jitter=0.3),
    RandomRotation(seed=3, kind="octahedral", jitter=0.3),
    PrincipalFrame(seed=3, flips=8, tilt=7.0, jitter=0.3),
    PrincipalFrame(seed=3, flips=4),
    PrincipalFrame(flips=0),
]


def make_batch(n: int = 40, seed: int = 0) -> Batch:
    random = np.random.default_rng(seed)
    sizes = random.integers(3, 20, n)
    return Batch(
        Structure(random.normal(size=(m, 3)) * [3, 2, 1] + random.normal(size=3) * 5, random.choice([1, 6, 8], m))
        for m in sizes
    )


@pytest.mark.parametrize(
    ("counter", "key", "expected"),
    [
        # kat_vectors of the Random123 distribution, philox4x32, 10 rounds
        ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
        ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
    ],
)
def test_philox_gives_the_published_answers(counter: str, key: str, expected: str) -> None:
    words = np.array([[int(word, 16)] for word in counter.split()], np.uint64)
    low, high = (int(word, 16) for word in key.split())
    assert [f"{word:08x}" for word in philox(np.repeat(words, 3, axis=1), low | high << 32)[:, 1]] == expected.split()


def test_uniforms_fill_the_unit_interval_with_53_bits() -> None:
    numbers = draw_uniforms(seed=1, epoch=2, indices=np.arange(20_000), count=3)
    assert numbers.min() >= 0
    assert numbers.max() < 1
    assert abs(numbers.mean() - 0.5) < 5 / np.sqrt(12 * numbers.size)
    assert abs(numbers.var() - 1 / 12) < 5 * np.sqrt(1 / 180 / numbers.size)
    assert np.abs(np.corrcoef(numbers.T) - np.eye(3)).max() < 5 / np.sqrt(len(numbers))
    scaled = numbers * 2.0**53
    assert np.array_equal(scaled, np.floor(scaled))
    assert (scaled % 2).mean() == pytest.approx(0.5, abs=0.02)  # the last of the 53 bits is used


def test_uniforms_differ_by_each_argument_and_not_by_count() -> None:
    base = draw_uniforms(5, 6, [7], 4)
    for other in [
        draw_uniforms(4, 6, [7], 4),
        draw_uniforms(5 + (1 << 32), 6, [7], 4),
        draw_uniforms(5, 5, [7], 4),
        draw_uniforms(5, 6, [8], 4),
        draw_uniforms(5, 6, [7 + (1 << 32)], 4),
        draw_uniforms(5, 6, [7], 4, stream=1),
    ]:
        assert not np.isclose(base, other).any()
    assert np.array_equal(draw_uniforms(5, 6, [7], 7)[:, :4], base)


def test_permutation_is_one_and_is_pinned() -> None:
    assert np.array_equal(np.sort(permute(1000, 0, 0)), np.arange(1000))
    assert not np.array_equal(permute(1000, 0, 0), permute(1000, 0, 1))
    assert permute(10, seed=1, epoch=2).tolist() == [3, 2, 0, 1, 7, 4, 5, 9, 6, 8]


@pytest.mark.parametrize("kind", ["uniform", "octahedral"])
def test_rotations_are_uniform(kind: str) -> None:
    n = 20_000
    batch = Batch.from_arrays(np.zeros((n, 3)), np.ones(n, np.uint8), np.arange(n + 1))
    rotations = RandomRotation(seed=11, kind=kind).draw(batch, 0, np.arange(n)).rotations
    assert np.allclose(rotations @ rotations.transpose(0, 2, 1), np.eye(3), atol=1e-12)
    assert np.allclose(np.linalg.det(rotations), 1)
    # every element has mean 0 and variance 1/3, and different elements are uncorrelated
    elements = rotations.reshape(n, 9)
    assert np.abs(elements.mean(axis=0)).max() < 5 / np.sqrt(3 * n)
    assert np.abs(elements.T @ elements / n - np.eye(9) / 3).max() < 5 / np.sqrt(3 * n)
    if kind == "octahedral":
        assert np.isin(rotations, [-1.0, 0.0, 1.0]).all()
        assert np.unique(elements, axis=0, return_counts=True)[1].min() > 0.8 * n / 24
    else:
        # the angle t of a uniform rotation has density (1 - cos t) / pi, so that trace = 1 + 2 cos t has mean square 1
        trace = np.trace(rotations, axis1=1, axis2=2)
        assert abs((trace**2).mean() - 1) < 5 * np.sqrt(2 / n)
        assert abs((trace < 0).mean() - (1 / 3 + np.sqrt(3) / (2 * np.pi))) < 5 * np.sqrt(0.25 / n)


def test_the_24_rotations_are_a_group_and_the_8_flips_too() -> None:
    assert len(np.unique(OCTAHEDRAL.reshape(24, 9), axis=0)) == 24
    known = {tuple(matrix.ravel()) for matrix in OCTAHEDRAL}
    assert all(tuple((a @ b).ravel()) in known for a in OCTAHEDRAL for b in OCTAHEDRAL)
    assert np.array_equal(OCTAHEDRAL[0], np.eye(3))
    assert len(np.unique(FLIPS, axis=0)) == 8
    assert FLIPS.prod(axis=1).tolist() == [1, 1, 1, 1, -1, -1, -1, -1]


@pytest.mark.parametrize("augmentation", EVERY, ids=repr)
def test_draws_depend_on_seed_epoch_and_index_alone(augmentation: Augmentation) -> None:
    batch, indices = make_batch(), np.arange(100, 140)
    whole = augmentation.draw(batch, 4, indices)
    order = np.random.default_rng(1).permutation(40)
    shuffled = augmentation.draw(Batch([batch[int(i)] for i in order]), 4, indices[order])
    assert np.array_equal(shuffled.rotations, whole.rotations[order])
    assert np.array_equal(shuffled.translations, whole.translations[order])
    alone = augmentation.draw(batch[7:8], 4, [107])
    assert np.array_equal(alone.rotations[0], whole.rotations[7])
    assert np.array_equal(alone.apply(batch[7:8]).positions, whole.apply(batch)[7].positions)


@pytest.mark.parametrize("augmentation", EVERY[:4], ids=repr)
def test_draws_change_with_epoch(augmentation: Augmentation) -> None:
    batch = make_batch()
    first, second = (augmentation.draw(batch, epoch, np.arange(40)) for epoch in (0, 1))
    assert (np.abs(first.rotations - second.rotations).max(axis=(1, 2)) > 0.01).mean() > 0.5


@pytest.mark.parametrize("augmentation", EVERY, ids=repr)
def test_transforms_are_rigid_and_undone_by_their_inverse(augmentation: Augmentation) -> None:
    batch = make_batch()
    done = augmentation.draw(batch, 0, np.arange(40))
    moved = done.apply(batch)
    assert np.array_equal(moved.numbers, batch.numbers)
    assert np.allclose(done.inverse().apply(moved).positions, batch.positions, atol=1e-12)
    for before, after in zip(batch, moved):
        distances = [np.linalg.norm(s.positions[:, None] - s.positions, axis=-1) for s in (before, after)]
        assert np.allclose(*distances, atol=1e-12)
    # jitter is the shift of the centroid
    assert np.allclose(moved.centroids() - batch.centroids(), done.translations, atol=1e-12)
    assert np.allclose(done.apply_centered(batch).centroids(), done.translations, atol=1e-12)
    limit = augmentation.to_dict()["jitter"]
    assert np.abs(done.translations).max() <= limit
    assert np.abs(done.translations).max() >= 0.9 * limit


@pytest.mark.parametrize("augmentation", EVERY, ids=repr)
def test_vectors_turn_and_are_not_shifted(augmentation: Augmentation) -> None:
    batch = make_batch()
    done = augmentation.draw(batch, 0, np.arange(40))
    ends = batch.with_positions(batch.positions + 1.0)
    ones = np.ones_like(batch.positions)
    expected = done.apply(ends).positions - done.apply(batch).positions
    assert np.allclose(done.apply_vectors(ones, batch), expected, atol=1e-12)
    assert np.allclose(done.apply_vectors(np.ones((40, 3))), expected[batch.offsets[:-1]], atol=1e-12)
    assert np.allclose(done.inverse().apply_vectors(expected, batch), ones, atol=1e-12)


def test_principal_frame_orders_the_extents_and_does_not_depend_on_orientation() -> None:
    batch = make_batch()
    frame = PrincipalFrame(flips=0)
    done = frame.draw(batch, 0, np.arange(40))
    assert np.allclose(np.linalg.det(done.rotations), 1)
    framed = done.apply_centered(batch)
    for structure in framed:
        moments = structure.positions.T @ structure.positions
        assert np.allclose(moments, np.diag(np.diag(moments)), atol=1e-9)
        assert (np.diff(np.diag(moments)) <= 0).all()
        assert ((structure.positions[:, :2] ** 3).sum(axis=0) > 0).all()
    turned = RandomRotation(seed=8).draw(batch, 0, np.arange(40)).apply(batch)
    assert np.allclose(
        frame.draw(turned, 0, np.arange(40)).apply_centered(turned).positions, framed.positions, atol=1e-9
    )


@pytest.mark.parametrize("flips", [8, 4, 1])
def test_principal_frame_flips(flips: int) -> None:
    base = make_batch(1)
    n = 4000
    batch = Batch([base[0]] * n)
    plain = PrincipalFrame(flips=0).draw(base, 0, [0]).rotations[0]
    flip = PrincipalFrame(seed=2, flips=flips).draw(batch, 0, np.arange(n)).rotations @ plain.T
    assert np.allclose(np.abs(flip), np.eye(3), atol=1e-12)
    found, counts = np.unique(np.diagonal(flip, axis1=1, axis2=2).round(), axis=0, return_counts=True)
    assert len(found) == flips
    assert counts.min() > 0.8 * n / flips
    assert (np.linalg.det(flip) > 0).all() == (flips != 8)


@pytest.mark.parametrize("flips", [8, 4, 1, 0])
def test_views_are_the_flips_in_turn(flips: int) -> None:
    batch = make_batch(5)
    frame = PrincipalFrame(seed=2, flips=flips, tilt=9, jitter=0.4)
    plain = PrincipalFrame(flips=0).draw(batch, 0, np.arange(5)).rotations
    for k in range(max(1, flips)):
        done = frame.view(k).draw(batch, 9, np.arange(5))
        assert np.allclose(done.rotations, FLIPS[k][:, None] * plain)
        assert not done.translations.any()
    with pytest.raises(ValueError, match=f"views 0 to {max(1, flips) - 1}, got {max(1, flips)}"):
        frame.view(max(1, flips))


def test_tilt_is_a_small_rotation() -> None:
    base = make_batch(1)
    n = 4000
    batch = Batch([base[0]] * n)
    plain = PrincipalFrame(flips=0).draw(base, 0, [0]).rotations[0]
    tilts = PrincipalFrame(seed=1, flips=0, tilt=8.0).draw(batch, 0, np.arange(n)).rotations @ plain.T
    angles = np.degrees(np.arccos(np.clip((np.trace(tilts, axis1=1, axis2=2) - 1) / 2, -1, 1)))
    assert angles.max() <= 8.0 + 1e-9
    assert abs(angles.mean() - 4.0) < 5 * 8 / np.sqrt(12 * n)
    axes = np.stack([tilts[:, 2, 1] - tilts[:, 1, 2], tilts[:, 0, 2] - tilts[:, 2, 0], tilts[:, 1, 0] - tilts[:, 0, 1]])
    axes /= np.linalg.norm(axes, axis=0)
    assert np.abs(axes.mean(axis=1)).max() < 5 / np.sqrt(3 * n)


def degenerate() -> dict[str, Structure]:
    tetrahedron = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) * 0.63
    hexagon = np.array([[np.cos(a), np.sin(a), 0] for a in np.arange(6) * np.pi / 3]) * 1.4
    cube = np.array(np.meshgrid([0, 1], [0, 1], [0, 1])).reshape(3, 8).T
    shapes = {
        "nothing": np.empty((0, 3)),
        "atom": [[1.0, 2.0, 3.0]],
        "coinciding": [[1.0, 2.0, 3.0]] * 2,
        "pair": [[0, 0, 0], [0.3, -0.4, 1.0]],
        "linear": [[0, 0, 0], [1, 1, 1], [2.5, 2.5, 2.5]],
        "tetrahedron": [[0, 0, 0], *tetrahedron],
        "hexagon": hexagon,
        "cube": cube,
    }
    return {name: Structure(positions, ["C"] * len(positions)) for name, positions in shapes.items()}


@pytest.mark.parametrize("name", degenerate())
def test_degenerate_structures_get_a_proper_frame_every_time_the_same(name: str) -> None:
    structure = degenerate()[name]
    crowd = list(degenerate().values())
    done = PrincipalFrame(flips=0).draw(Batch([structure]), 0, [0])
    rotation = done.rotations[0]
    assert np.allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(rotation) == pytest.approx(1)
    among = PrincipalFrame(flips=0).draw(Batch([*crowd, structure, *crowd]), 5, np.arange(2 * len(crowd) + 1))
    assert np.array_equal(among.rotations[len(crowd)], rotation)
    if len(structure) < 2 or name == "coinciding":
        assert np.array_equal(rotation, np.eye(3))
    framed = done.apply_centered(Batch([structure])).positions
    moments = np.diag(framed.T @ framed)
    assert (np.diff(moments) <= 1e-9).all()
    back = done.inverse().apply(done.apply(Batch([structure])))
    assert np.allclose(back.positions, structure.positions, atol=1e-12)


def test_grid_of_a_turned_molecule_is_the_turned_grid() -> None:
    random = np.random.default_rng(5)
    molecule = Structure(random.normal(size=(12, 3)) * 1.5, random.choice([1, 6], 12))
    vox = Voxelizer(Box(20, spacing=0.5), Elements("H", "C"), Gaussian(0.45), dtype="float64")
    grid = vox(molecule)
    assert not np.allclose(grid, grid.transpose(0, 2, 3, 1), atol=0.01)
    for k, rotation in enumerate(OCTAHEDRAL):
        done = RandomRotation(kind="octahedral").view(k).draw(Batch([molecule]), 0, [0])
        assert np.array_equal(done.rotations[0], rotation)
        axes = np.abs(rotation).argmax(axis=1)  # new axis d is old axis axes[d], reversed where the sign is negative
        expected = grid.transpose(0, *(axes + 1))
        for d in range(3):
            if rotation[d, axes[d]] < 0:
                expected = np.flip(expected, axis=d + 1)
        assert np.abs(vox(done.apply(Batch([molecule])))[0] - expected).max() < 1e-12


def test_one_quarter_turn_is_rot90() -> None:
    molecule = Structure([[0.3, 0.9, -0.2], [-1.1, 0.4, 0.6], [0.8, -1.3, 0.5]], ["C", "C", "C"])
    vox = Voxelizer(Box(16, spacing=0.5), Elements("C"), Gaussian(0.45), dtype="float64")
    quarter = np.array([[0, -1, 0], [1, 0, 0], [0, 0, 1]])
    k = int(np.argmax((quarter == OCTAHEDRAL).all(axis=(1, 2))))
    turned = RandomRotation(kind="octahedral").view(k).draw(Batch([molecule]), 0, [0]).apply(Batch([molecule]))
    assert np.abs(vox(turned)[0, 0] - np.rot90(vox(molecule)[0], axes=(0, 1))).max() < 1e-12


@pytest.mark.parametrize("augmentation", [*EVERY, PrincipalFrame(flips=4).view(3)], ids=repr)
def test_descriptions_go_through_json(augmentation: Augmentation) -> None:
    assert from_dict(json.loads(json.dumps(augmentation.to_dict()))) == augmentation


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: RandomRotation(seed=-1), ValueError, r"`seed` must lie between 0 and 2\*\*64 - 1, got -1"),
        (lambda: RandomRotation(seed=0.5), TypeError, "`seed` must be a whole number, got 0.5"),
        (lambda: RandomRotation(kind="any"), ValueError, "`kind` must be one of 'uniform', 'octahedral', got 'any'"),
        (lambda: RandomRotation(jitter=-0.1), ValueError, "`jitter` must be finite and not negative, got -0.1"),
        (lambda: RandomRotation(jitter="0.1"), TypeError, "`jitter` must be a number in A, got '0.1'"),
        (lambda: RandomRotation().view(0), ValueError, '`fixed` goes with kind="octahedral"'),
        (lambda: RandomRotation(kind="octahedral").view(24), ValueError, "views 0 to 23, got 24"),
        (lambda: PrincipalFrame(flips=2), ValueError, "`flips` must be 8, 4, 1 or 0, got 2"),
        (lambda: PrincipalFrame(tilt=200), ValueError, "`tilt` must be at most 180 degrees, got 200"),
        (lambda: RandomRotation().draw(make_batch(3), 0, [0, 1]), ValueError, "each of the 3 structures, got 2"),
        (lambda: RandomRotation().draw(make_batch(1), 0, [-1]), ValueError, "`indices` must not be negative, got -1"),
        (lambda: RandomRotation().draw(make_batch(1), 0, [0.5]), TypeError, "`indices` must be whole numbers"),
        (lambda: RandomRotation().draw(make_batch(1), -1, [0]), ValueError, "`epoch` must lie between 0"),
        (
            lambda: RandomRotation().draw(Batch([Structure([[0, 0, 0]], ["C"], cell=np.eye(3) * 4)]), 0, [0]),
            ValueError,
            "structure 0 of the batch is periodic",
        ),
        (
            lambda: RandomRotation().draw(make_batch(2), 0, [0, 1]).apply(make_batch(3)),
            ValueError,
            "transforms of 2 structures, but the batch has 3",
        ),
        (
            lambda: RandomRotation().draw(make_batch(2), 0, [0, 1]).apply_vectors(np.zeros((3, 3))),
            ValueError,
            r"`vectors` must have shape \(2, 3\), got \(3, 3\)",
        ),
    ],
)
def test_bad_input_is_named(make: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()  # type: ignore[operator]


def test_nothing_at_all() -> None:
    batch = Batch([])
    for augmentation in EVERY:
        done = augmentation.draw(batch, 0, [])
        assert isinstance(done, Transforms)
        assert done.rotations.shape == (0, 3, 3)
        assert len(done.apply(batch)) == 0
