"""GridLoader, GridDataset, make_batch and collate."""

from __future__ import annotations

import pickle
import subprocess
import sys
import warnings
from collections.abc import Callable

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch.utils.data import DataLoader  # noqa: E402

from particlegrid import (  # noqa: E402
    Around,
    Batch,
    Box,
    Elements,
    Gaussian,
    Grid,
    Property,
    Structure,
    Voxelizer,
)
from particlegrid.errors import OutsideBoxWarning  # noqa: E402
from particlegrid.torch import (  # noqa: E402
    GridBatch,
    GridDataset,
    GridLoader,
    PrincipalFrame,
    RandomRotation,
    collate,
    make_batch,
)

VOX = Voxelizer(Box(16, spacing=0.5), Elements("H", "C", "O"), Gaussian(0.45), threads=1)


def make_structures(n: int = 23, spread: float = 0.8) -> list[Structure]:
    random = np.random.default_rng(4)
    structures = []
    for i in range(n):
        m = int(random.integers(2, 9))
        positions = random.normal(size=(m, 3)).clip(-2, 2) * spread + random.normal(size=3) * 4
        numbers = random.choice([1, 6, 8], m)
        properties = {"charge": random.normal(size=m)}
        structures.append(Structure(positions, numbers, properties=properties, info={"gap": 0.5 * i, "mu": -float(i)}))
    return structures


STRUCTURES = make_structures()


class ArrayStore:
    """The least that counts as a store."""

    def __init__(self, structures: list[Structure]) -> None:
        self.structures = structures

    def __len__(self) -> int:
        return len(self.structures)

    def batch(self, indices: np.ndarray) -> Batch:
        part = Batch(self.structures[i] for i in indices)
        return Batch.from_arrays(part.positions, part.numbers, part.offsets)

    def labels(self, name: str) -> np.ndarray:
        return np.array([structure.info[name] for structure in self.structures])


def keep(batch: GridBatch) -> GridBatch:
    return batch._replace(grid=batch.grid.clone())


def same(a: GridBatch, b: GridBatch) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a, b))


def by_index(batches: list[GridBatch]) -> dict[int, tuple[torch.Tensor, torch.Tensor]]:
    return {
        int(index): (batch.grid[k].clone(), batch.points[batch.batch == k])
        for batch in batches
        for k, index in enumerate(batch.indices)
    }


def test_a_plain_pass_gives_the_voxelizer_s_grids_in_order() -> None:
    loader = GridLoader(STRUCTURES, VOX, ["gap", "mu"], batch_size=5, shuffle=False, drop_last=False, buffers=1)
    assert len(loader) == 5
    seen = 0
    for batch in loader:
        part = STRUCTURES[seen : seen + len(batch.indices)]
        assert batch.indices.tolist() == list(range(seen, seen + len(part)))
        assert np.array_equal(batch.grid.numpy(), VOX(part))
        assert batch.targets.tolist() == [[s.info["gap"], s.info["mu"]] for s in part]
        assert batch.numbers.tolist() == [int(z) for s in part for z in s.numbers]
        assert batch.batch.tolist() == [k for k, s in enumerate(part) for _ in s.numbers]
        expected = np.concatenate([(s.positions - s.positions.mean(axis=0)) / 4 for s in part])
        assert np.allclose(batch.points.numpy(), expected, atol=1e-6)
        seen += len(part)
    assert seen == 23


def test_dtypes_and_memory() -> None:
    loader = GridLoader(ArrayStore(STRUCTURES), VOX, ["gap"], batch_size=4, augment=RandomRotation())
    for batch in loader:
        assert batch.grid.data_ptr() % 64 == 0
        assert batch.grid.is_contiguous()
        assert [t.dtype for t in batch] == [torch.float32] * 3 + [torch.int64] * 3
        assert batch.grid.shape == (4, 3, 16, 16, 16)


@pytest.mark.parametrize("dtype", ["float16", "float64"])
def test_other_grid_types(dtype: str) -> None:
    vox = Voxelizer(VOX.where, VOX.which, VOX.what, dtype=dtype, threads=1)
    (batch,) = GridLoader(STRUCTURES[:4], vox, batch_size=4, shuffle=False)
    assert batch.grid.dtype == getattr(torch, dtype)
    assert batch.targets.shape == (4, 0)
    assert np.array_equal(batch.grid.numpy(), vox(STRUCTURES[:4]))
    assert GridDataset(STRUCTURES, vox)[0].grid.dtype == getattr(torch, dtype)


@pytest.mark.parametrize("buffers", [1, 2, 3, 5])
def test_a_batch_stays_valid_until_buffers_less_one_more_are_drawn(buffers: int) -> None:
    loader = GridLoader(STRUCTURES, VOX, ["gap"], batch_size=2, buffers=buffers)
    held: list[tuple[GridBatch, torch.Tensor]] = []
    overwritten = 0
    for batch in loader:
        for old, copy in held[-(buffers - 1) :] if buffers > 1 else []:
            assert torch.equal(old.grid, copy)
        if len(held) >= buffers:
            overwritten += not torch.equal(*map(lambda x: x if torch.is_tensor(x) else x.grid, held[-buffers]))
        held.append((batch, batch.grid.clone()))
    assert overwritten == len(loader) - buffers  # and no longer: the memory is used again
    # what is not in the ring stays
    assert torch.cat([batch.indices for batch, _ in held]).unique().numel() == 22


def test_order_is_a_function_of_seed_and_epoch() -> None:
    def order(epoch: int, **options: int) -> list[int]:
        loader = GridLoader(STRUCTURES, VOX, batch_size=4, **options)
        loader.set_epoch(epoch)
        return torch.cat([batch.indices for batch in loader]).tolist()

    np.random.seed(0)  # noqa: NPY002
    torch.manual_seed(0)
    first = order(0)
    np.random.seed(1)  # noqa: NPY002
    torch.manual_seed(1)
    assert order(0) == first
    assert len(set(first)) == 20
    assert order(1) != first
    assert order(0, seed=1) != first
    assert order(0, buffers=7) == first


def test_indices_name_structures_of_the_store() -> None:
    chosen = [20, 3, 11, 7]
    (batch,) = GridLoader(STRUCTURES, VOX, ["gap"], indices=chosen, batch_size=4, shuffle=False)
    assert batch.indices.tolist() == chosen
    assert batch.targets[:, 0].tolist() == [0.5 * i for i in chosen]
    assert np.array_equal(batch.grid.numpy(), VOX([STRUCTURES[i] for i in chosen]))
    data = GridDataset(STRUCTURES, VOX, ["gap"], indices=chosen)
    assert len(data) == 4
    assert data[1].indices.tolist() == [3]
    assert data[-1].indices.tolist() == [7]
    assert len(list(data)) == 4


def test_a_pass_can_start_in_the_middle() -> None:
    loader = GridLoader(STRUCTURES, VOX, ["gap"], batch_size=3, augment=RandomRotation(seed=1), seed=2)
    loader.set_epoch(6)
    whole = [keep(batch) for batch in loader]
    rest = [keep(batch) for batch in loader.iterate(start=4)]
    assert len(rest) == len(whole) - 4
    assert all(same(a, b) for a, b in zip(rest, whole[4:]))
    assert list(loader.iterate(start=len(loader))) == []
    with pytest.raises(ValueError, match="`start` must lie between 0 and 7, the batches of an epoch, got 8"):
        loader.iterate(start=8)


def test_two_passes_at_a_time_are_refused() -> None:
    loader = GridLoader(STRUCTURES, VOX, batch_size=3)
    first = iter(loader)
    next(first)
    next(iter(loader))
    with pytest.raises(RuntimeError, match="another pass over this GridLoader has begun"):
        next(first)


@pytest.mark.parametrize("augment", [RandomRotation(seed=3, jitter=0.2), PrincipalFrame(seed=3, tilt=5, jitter=0.2)])
def test_augmented_grids_do_not_depend_on_batch_order_or_door(augment: RandomRotation) -> None:
    options = {"indices": np.arange(20), "augment": augment}
    loader = GridLoader(STRUCTURES, VOX, batch_size=5, seed=1, buffers=9, **options)
    other = GridLoader(STRUCTURES, VOX, batch_size=4, shuffle=False, buffers=9, **options)
    data = GridDataset(STRUCTURES, VOX, **options)
    for source in (loader, other, data):
        source.set_epoch(3)
    grids = by_index(list(loader))
    assert len(grids) == 20
    for found in (by_index(list(other)), by_index([data[i] for i in range(20)])):
        assert found.keys() == grids.keys()
        for index, (grid, points) in grids.items():
            assert torch.equal(found[index][0], grid)
            assert torch.equal(found[index][1], points)
    loader.set_epoch(4)
    assert not any(torch.equal(grid, grids[index][0]) for index, (grid, _) in by_index(list(loader)).items())


@pytest.mark.parametrize("center", ["centroid", "origin", (1.0, -2.0, 0.5)])
def test_jitter_moves_the_atoms_in_the_box(center: str) -> None:
    box = Box(16, spacing=0.5, center=center, outside="ignore")
    vox = Voxelizer(box, VOX.which, VOX.what, threads=1)
    augment = RandomRotation(seed=5, jitter=0.4)
    (batch,) = GridLoader(STRUCTURES, vox, batch_size=23, shuffle=False, augment=augment)
    plain = Batch(STRUCTURES)
    done = augment.draw(plain, 0, np.arange(23))
    # the box stays where it is without jitter; the atoms are turned about their centroid and shifted
    middle = (
        plain.centroids() if center == "centroid" else np.tile((0, 0, 0) if center == "origin" else center, (23, 1))
    )
    expected = (done.apply(plain).positions - middle[plain.owners]) / 4
    assert np.allclose(batch.points.numpy(), expected, atol=1e-6)
    for k in range(23):
        fixed = Voxelizer(Grid(16, np.eye(3) / 2, middle[k] - 4), VOX.which, VOX.what)
        assert np.allclose(batch.grid[k].numpy(), fixed(done.apply(plain)[k]), atol=1e-6)


@pytest.mark.parametrize(
    "where",
    [
        Box((14, 18, 22), (0.5, 0.4, 0.3)),
        Grid((15, 16, 17), np.diag([0.55, 0.5, 0.45]), [-4.1, -3.9, -3.8]),
        Grid((16, 17, 18), 0.5 * np.array([[0.6, 0.8, 0], [-0.8, 0.6, 0], [0, 0, 1]]), [1.0, -6.2, -4.3]),
    ],
)
def test_points_are_where_the_atoms_are(where: Box) -> None:
    # one atom off the centre, and a ghost without weight that keeps the centroid away from it
    random = np.random.default_rng(0)
    vox = Voxelizer(where, Property("weight"), Gaussian(0.6, value="mean"), dtype="float64")
    for _ in range(5):
        atom = random.uniform(-1.5, 1.5, 3)
        structure = Structure([atom, -atom], ["C", "C"], properties={"weight": np.array([1.0, 0.0])})
        grid, points, _, _ = make_batch(vox, Batch([structure]))

        def sample(places: torch.Tensor, grid: torch.Tensor = grid) -> torch.Tensor:
            flipped = places.flip(-1).reshape(1, 1, 1, -1, 3).double()
            return torch.nn.functional.grid_sample(grid, flipped, mode="bilinear", align_corners=False).flatten()

        at_atom, at_ghost = sample(points)
        assert at_atom == pytest.approx((2 * np.pi * 0.6**2) ** -1.5, rel=0.4)
        assert at_ghost < at_atom
        # the mass-weighted mean of all voxel centres, in the same coordinates, is the atom
        shape = np.array(grid.shape[2:])
        axes = [(2 * np.arange(n) + 1) / n - 1 for n in shape]
        mesh = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
        weights = grid[0, 0].numpy()
        assert np.allclose((weights[..., None] * mesh).sum((0, 1, 2)) / weights.sum(), points[0], atol=2e-3)
        # half a voxel aside in any direction the sampled value is lower
        steps = torch.tensor(np.concatenate([np.diag(4 / shape), -np.diag(4 / shape)]), dtype=torch.float32)
        assert (sample(points[0] + steps) < at_atom).all()


def test_make_batch_draws_into_the_given_tensor() -> None:
    batch = Batch(STRUCTURES[:3])
    out = torch.full((3, 3, 16, 16, 16), 7.0)
    grid, points, numbers, owners = make_batch(VOX, batch, out)
    assert grid is out
    assert np.array_equal(out.numpy(), VOX(batch))
    assert points.shape == (len(batch.numbers), 3)
    assert numbers.tolist() == batch.numbers.tolist()
    assert owners.tolist() == batch.owners.tolist()
    with pytest.raises(ValueError, match="`out` must have shape"):
        make_batch(VOX, batch, out[:2])
    with pytest.raises(TypeError, match="`out` must be a tensor on the CPU, got ndarray"):
        make_batch(VOX, batch, out.numpy())
    with pytest.raises(TypeError, match="`out` must be a tensor on the CPU, got one on meta"):
        make_batch(VOX, batch, out.to("meta"))


def test_structures_without_atoms() -> None:
    empty = Structure(np.empty((0, 3)), [])
    (batch,) = GridLoader([empty, STRUCTURES[0], empty], VOX, batch_size=3, shuffle=False, augment=RandomRotation())
    assert batch.grid[0].abs().sum() == 0
    assert batch.grid[1].sum() == pytest.approx(len(STRUCTURES[0]), rel=1e-3)
    assert batch.batch.unique().tolist() == [1]
    assert np.allclose(batch.points.mean(dim=0), 0, atol=1e-6)  # the last atom counts towards the centroid
    grid, points, _, _ = make_batch(VOX, Batch([empty]))
    assert grid.shape == (1, 3, 16, 16, 16)
    assert points.shape == (0, 3)


@pytest.mark.parametrize("start", ["fork", "spawn"])
@pytest.mark.parametrize("workers", [1, 2])
def test_worker_processes_change_nothing(workers: int, start: str) -> None:
    data = GridDataset(STRUCTURES, VOX, ["gap"], augment=RandomRotation(seed=1, jitter=0.1))
    alone = DataLoader(data, batch_size=6, collate_fn=collate)
    loader = DataLoader(
        data,
        batch_size=6,
        collate_fn=collate,
        num_workers=workers,
        multiprocessing_context=start,
        persistent_workers=True,
    )
    seen = []
    for epoch in (0, 5):
        data.set_epoch(epoch)
        expected = list(alone)
        found = list(loader)
        assert len(found) == len(expected) == 4
        assert all(same(a, b) for a, b in zip(found, expected))
        seen.append(expected[0])
    assert not torch.equal(seen[0].grid, seen[1].grid)


def test_data_set_draws_a_batch_in_one_call_and_pickles(monkeypatch: pytest.MonkeyPatch) -> None:
    data = GridDataset(ArrayStore(STRUCTURES), VOX, ["gap"], augment=RandomRotation(seed=1))
    data.set_epoch(2)
    copy = pickle.loads(pickle.dumps(data))
    expected = [copy[i] for i in (4, 2, 9)]
    calls = []
    draw = Voxelizer.__call__
    monkeypatch.setattr(Voxelizer, "__call__", lambda *args, **rest: calls.append(1) or draw(*args, **rest))
    batch = data.__getitems__([4, 2, 9])
    assert len(calls) == 1
    assert same(batch, collate(expected))
    assert collate(batch) is batch
    with pytest.raises(IndexError, match="structure 23 of a data set of 23"):
        data[23]
    with pytest.raises(ValueError, match="no samples"):
        collate([])


def test_loader_reports_atoms_outside_once_at_the_end_of_the_pass() -> None:
    far = make_structures(spread=3.0)
    loader = GridLoader(far, VOX, batch_size=4, shuffle=False)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for batch in loader:
            assert not caught
            assert len(batch.grid) == 4
        first = loader.outside
        loader.set_epoch(1)
        list(loader)
    (warning,) = caught
    assert warning.category is OutsideBoxWarning
    beyond = [(np.abs(s.positions - s.positions.mean(axis=0)) > 4).any(axis=1) for s in far[:20]]
    atoms, structures = int(np.concatenate(beyond).sum()), sum(bool(b.any()) for b in beyond)
    assert atoms > 1
    assert first == loader.outside == (atoms, structures)
    assert str(warning.message).startswith(f"{atoms} atoms (in {structures} structures) lay outside the box in epoch 0")


@pytest.mark.parametrize(("outside", "count"), [("warn", 1), ("ignore", 0)])
def test_data_set_reports_atoms_outside_once(outside: str, count: int) -> None:
    vox = Voxelizer(Box(16, spacing=0.5, outside=outside), VOX.which, VOX.what)
    data = GridDataset(make_structures(spread=3.0), vox)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert len(list(data)) == 23
        loader = GridLoader(make_structures(spread=3.0), vox)
        assert len(list(loader)) == 0
    assert len(caught) == count


def test_projections_are_refused() -> None:
    vox = Voxelizer(Box((8, 8, None), 0.5), Elements("C"), Gaussian(0.5))
    with pytest.raises(ValueError, match="a batch for a network has grids of three axes"):
        make_batch(vox, Batch([Structure([[0, 0, 0]], ["C"])]))


def test_a_box_that_raises_still_does() -> None:
    vox = Voxelizer(Box(16, spacing=0.5, outside="error"), VOX.which, VOX.what)
    far = make_structures(spread=3.0)
    with pytest.raises(ValueError, match="atoms lie outside the box"):
        list(GridLoader(far, vox, batch_size=4))
    with pytest.raises(ValueError, match="atoms lie outside the box"):
        list(GridLoader(far, vox, batch_size=4, augment=RandomRotation()))


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: GridLoader(5, VOX), TypeError, "`store` must be a Store or a list of Structures, got int"),
        (lambda: GridLoader(STRUCTURES, None), TypeError, "`vox` must be a Voxelizer, got NoneType"),
        (lambda: GridLoader(STRUCTURES, VOX, "gap"), TypeError, r"`targets` must be a list of names: \['gap'\]"),
        (lambda: GridLoader(STRUCTURES, VOX, ["ga"]), ValueError, "`info` of structure 0 has no 'ga'"),
        (lambda: GridLoader(STRUCTURES, VOX, indices=[2, 23]), ValueError, r"`indices\[1\]` is 23; .* 0 to 22"),
        (lambda: GridLoader(STRUCTURES, VOX, indices=[0.5]), TypeError, "`indices` must be whole numbers"),
        (lambda: GridLoader(STRUCTURES, VOX, batch_size=0), ValueError, "`batch_size` must be at least 1, got 0"),
        (lambda: GridLoader(STRUCTURES, VOX, buffers=0), ValueError, "`buffers` must be at least 1, got 0"),
        (lambda: GridLoader(STRUCTURES, VOX, augment="turn"), TypeError, "`augment` must be an augmentation"),
        (lambda: GridLoader(STRUCTURES, VOX).set_epoch(-1), ValueError, "`epoch` must lie between 0"),
        (
            lambda: GridLoader([Structure([[0, 0, 0]], ["C"], info={"name": "x"})], VOX, ["name"]),
            ValueError,
            "label 'name' is no target: it must hold one number for each structure",
        ),
        (
            lambda: GridDataset(STRUCTURES, Voxelizer(Around(0.5, 1.0), VOX.which, VOX.what)),
            ValueError,
            "gives each structure a grid of its own shape",
        ),
    ],
)
def test_bad_input_is_named(make: Callable[[], object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()


def test_importing_particlegrid_does_not_import_torch() -> None:
    script = "import sys, particlegrid, particlegrid.augment; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", script], check=True)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_what_a_network_writes_in_place_is_gone_when_the_memory_comes_back(dtype):
    rng = np.random.default_rng(0)
    store = [Structure(rng.normal(0, 1, (4, 3)), ["H"] * 4) for _ in range(24)]
    vox = Voxelizer(Box(20, spacing=0.5), Elements("H"), Gaussian(0.5), dtype=dtype)
    plain = [batch.grid.clone() for batch in GridLoader(store, vox, batch_size=4, buffers=2)]
    with torch.inference_mode():
        for k, batch in enumerate(GridLoader(store, vox, batch_size=4, buffers=2)):
            assert torch.equal(batch.grid, plain[k]), k
            batch.grid.add_(1)
    for spoil in (lambda grid: grid.add_(1), lambda grid: grid[1:3].sub_(0.5), lambda grid: grid.view(-1).fill_(7)):
        for k, batch in enumerate(GridLoader(store, vox, batch_size=4, buffers=2)):
            assert torch.equal(batch.grid, plain[k]), k
            spoil(batch.grid)
