"""The layer: what it learns, what it saves, and that graphs of it are one."""

from __future__ import annotations

import io
import pickle

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch.utils.data import DataLoader, Dataset  # noqa: E402

import particlegrid.torch as pgt  # noqa: E402
from particlegrid import (  # noqa: E402
    AllAtoms,
    Box,
    Coulomb,
    Elements,
    ElementVectors,
    Gaussian,
    GaussianQuadratic,
    Grid,
    LennardJones,
    UnitCell,
    Voxelizer,
)

F64 = torch.float64
VOX = Voxelizer(Box(5, 0.8, outside="ignore"), Elements("H", "O"), Gaussian({"H": 0.4, "O": 0.6}), dtype="float64")
NUMBERS = torch.tensor([8, 1, 1, 8])
BATCH = torch.tensor([0, 0, 0, 1])


def make_positions(requires_grad=False):
    random = torch.Generator().manual_seed(0)
    return torch.randn(4, 3, dtype=F64, generator=random).requires_grad_(requires_grad)


def make_cells(requires_grad=False):
    cell = torch.tensor([[4.0, 0, 0], [0.5, 4.4, 0], [0.3, -0.4, 4.8]], dtype=F64)
    return torch.stack([cell, 1.1 * cell]).requires_grad_(requires_grad)


def test_a_layer_draws_what_the_function_draws():
    layer = pgt.Voxelizer(VOX)
    positions = make_positions()
    assert torch.equal(layer(positions, NUMBERS, batch=BATCH), pgt.voxelize(VOX, positions, NUMBERS, batch=BATCH))
    assert layer.channels == ("H", "O")
    assert list(layer.parameters()) == []
    assert layer.log_sigma is None
    assert layer.sigma is None
    assert layer.embedding is None


def test_learnable_widths():
    layer = pgt.Voxelizer(VOX, learn_sigma=True)
    positions = make_positions()
    assert layer.sigma[[1, 8]].tolist() == pytest.approx([0.4, 0.6], rel=1e-6)
    assert torch.isnan(layer.sigma[6])
    assert torch.isfinite(layer.log_sigma).all()
    plain = pgt.voxelize(VOX, positions, NUMBERS, batch=BATCH)
    torch.testing.assert_close(layer(positions, NUMBERS, batch=BATCH), plain, rtol=1e-5, atol=1e-7)
    (layer(positions, NUMBERS, batch=BATCH) ** 2).sum().backward()
    assert layer.log_sigma.grad.nonzero().squeeze(1).tolist() == [1, 8]
    # widths of a call come before learned ones
    wide = torch.full((4,), 0.9, dtype=F64)
    expected = pgt.voxelize(VOX, positions, NUMBERS, batch=BATCH, widths=wide)
    assert torch.equal(layer(positions, NUMBERS, batch=BATCH, widths=wide), expected)
    every = pgt.Voxelizer(Voxelizer(VOX.where, AllAtoms(), VOX.what), learn_sigma=True)
    with pytest.raises(ValueError, match="`sigma` has no width for C"):
        every(positions, torch.tensor([8, 1, 6, 8]))


@pytest.mark.parametrize("what", [Gaussian("radius"), Coulomb({"H": 1.0})])
def test_densities_without_widths_to_learn(what):
    with pytest.raises(ValueError, match="`learn_sigma` needs a density with a width for each element"):
        pgt.Voxelizer(Voxelizer(VOX.where, AllAtoms(), what), learn_sigma=True)


def test_a_learnable_embedding():
    torch.manual_seed(0)
    layer = pgt.Voxelizer(VOX, embedding=3).double()
    positions = make_positions()
    grids = layer(positions, NUMBERS, batch=BATCH)
    assert grids.shape == (2, 3, 5, 5, 5)
    assert layer.channels == ("embedding[0]", "embedding[1]", "embedding[2]")
    vectors = {"H": layer.embedding[1].tolist(), "O": layer.embedding[8].tolist()}
    fixed = Voxelizer(VOX.where, ElementVectors(vectors), VOX.what, dtype="float64")
    torch.testing.assert_close(grids, pgt.voxelize(fixed, positions, NUMBERS, batch=BATCH), rtol=1e-12, atol=1e-14)
    (grids**2).sum().backward()
    assert sorted(set(layer.embedding.grad.nonzero()[:, 0].tolist())) == [1, 8]
    half = torch.full((4,), 0.5, dtype=F64)
    torch.testing.assert_close(layer(positions, NUMBERS, batch=BATCH, weights=half), 0.5 * grids)
    with pytest.raises(ValueError, match="the layer's embedding gives the weights"):
        layer(positions, NUMBERS, weights=torch.ones(4, 3))
    given = torch.arange(238.0).reshape(119, 2)
    assert torch.equal(pgt.Voxelizer(VOX, embedding=given).embedding, given)


@pytest.mark.parametrize("embedding", [0, True, "elements", torch.ones(3, 2), torch.ones(119, 2, dtype=torch.int64)])
def test_embeddings_of_another_shape(embedding):
    with pytest.raises(ValueError, match="`embedding` must"):
        pgt.Voxelizer(VOX, embedding=embedding)


def test_numbers_that_no_element_has():
    with pytest.raises(ValueError, match=r"`numbers\[0\]` is 119; atomic numbers run from 1 to 118"):
        pgt.Voxelizer(VOX, embedding=2)(make_positions(), torch.tensor([119, 1, 1, 1]))


@pytest.mark.parametrize("where", [VOX.where, UnitCell(4)])
def test_gradients_through_all_that_is_learned(where):
    torch.manual_seed(0)
    layer = pgt.Voxelizer(Voxelizer(where, VOX.which, VOX.what, dtype="float64", tol=1e-12), True, 2).double()
    cells = {} if isinstance(where, Box) else {"cell": make_cells()}

    def draw(positions, log_sigma, embedding):
        changed = {"log_sigma": log_sigma, "embedding": embedding}
        given = {"batch": BATCH, "batch_size": 2, **cells}
        return torch.func.functional_call(layer, changed, (positions, NUMBERS), given)

    by = (make_positions(True), layer.log_sigma, layer.embedding)
    assert torch.autograd.gradcheck(draw, by, fast_mode=True, atol=1e-4)
    assert torch.autograd.gradgradcheck(draw, by, fast_mode=True, atol=1e-4)


def test_a_checkpoint_says_how_its_input_is_made():
    layer = pgt.Voxelizer(VOX, learn_sigma=True, embedding=3)
    file = io.BytesIO()
    torch.save(torch.nn.Sequential(layer).state_dict(), file)
    file.seek(0)
    state = torch.load(file, weights_only=True)
    assert set(state) == {"0.log_sigma", "0.embedding", "0._extra_state"}
    assert Voxelizer.from_dict(state["0._extra_state"]["vox"]) == VOX
    fresh = torch.nn.Sequential(pgt.Voxelizer(VOX, learn_sigma=True, embedding=3))
    fresh.load_state_dict(state)
    assert torch.equal(fresh[0].embedding, layer.embedding)
    other = Voxelizer(Box(5, 0.7), VOX.which, VOX.what, dtype="float64")
    with pytest.raises(ValueError, match="the checkpoint draws its input by"):
        torch.nn.Sequential(pgt.Voxelizer(other, learn_sigma=True, embedding=3)).load_state_dict(state)


def test_a_pickle_draws_the_same():
    layer = pgt.Voxelizer(VOX, learn_sigma=True, embedding=3)
    again = pickle.loads(pickle.dumps(layer))
    positions = make_positions()
    assert torch.equal(again(positions, NUMBERS), layer(positions, NUMBERS))
    assert again.vox == VOX


def test_half_precision_of_a_network_leaves_the_tables_alone():
    layer = pgt.Voxelizer(VOX)
    expected = layer(make_positions(), NUMBERS)
    assert torch.equal(layer.half()(make_positions(), NUMBERS), expected)
    assert torch.equal(layer.bfloat16()(make_positions(), NUMBERS), expected)


class Drawn(Dataset):
    """Draws with a layer in whichever process asks."""

    def __init__(self):
        self.layer = pgt.Voxelizer(VOX)

    def __len__(self):
        return 4

    def __getitem__(self, i):
        return self.layer(make_positions() + 0.1 * i, NUMBERS)[0]


def test_worker_processes():
    alone = torch.stack([Drawn()[i] for i in range(4)])
    assert torch.equal(torch.cat(list(DataLoader(Drawn(), batch_size=2, num_workers=2))), alone)


def test_a_layer_shows_itself():
    text = repr(pgt.Voxelizer(VOX, learn_sigma=True, embedding=3))
    assert text == (
        f"Voxelizer({VOX.where!r}, {VOX.which!r}, {VOX.what!r}, dtype=float64, learn_sigma=True, embedding=3)"
    )


GRID = Grid((4, 3, 5), np.diag([0.9, 0.8, 1.1]) + 0.05, [0, -1, 1])
TRACED = {
    "box": (VOX, {}, {"batch": BATCH, "batch_size": 2}),
    "one structure": (VOX, {}, {}),
    "cell": (Voxelizer(UnitCell(4), VOX.which, VOX.what), {}, {"batch": BATCH, "cell": make_cells()}),
    "cap": (Voxelizer(VOX.where, VOX.which, LennardJones(cap=1.0)), {}, {"ptr": torch.tensor([0, 3, 4])}),
    "projection": (Voxelizer(UnitCell((4, 3, None)), VOX.which, VOX.what), {}, {"batch": BATCH, "cell": make_cells()}),
    "vectors": (Voxelizer(GRID, ElementVectors({"H": [1, 2], "O": [0, 3]}), GaussianQuadratic()), {}, {}),
    "learned": (VOX, {"learn_sigma": True, "embedding": 3}, {"batch": BATCH, "batch_size": 2}),
}


@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
@pytest.mark.parametrize("name", TRACED)
def test_compiled_layers_are_one_graph(name, backend):
    vox, learned, given = TRACED[name]
    torch.manual_seed(0)
    layer = pgt.Voxelizer(vox, **learned)
    positions = make_positions(True)
    torch._dynamo.reset()
    compiled = torch.compile(layer, fullgraph=True, backend=backend)
    found, expected = (draw(positions, NUMBERS, **given) for draw in (compiled, layer))
    assert torch.equal(found, expected)
    # what a traced graph adds up in another order ends with other bits
    by = [positions, *layer.parameters()]
    for one, other in zip(*(torch.autograd.grad((grids**2).sum(), by) for grids in (found, expected))):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-10)


def test_a_compiled_layer_takes_any_number_of_atoms():
    torch._dynamo.reset()
    graphs = []

    def count(graph, _):
        graphs.append(graph)
        return graph.forward

    compiled = torch.compile(pgt.Voxelizer(VOX), fullgraph=True, backend=count, dynamic=True)
    for n in (4, 3, 2):
        positions, numbers = make_positions()[:n].clone(), NUMBERS[:n].clone()
        expected = pgt.voxelize(VOX, positions, numbers)
        assert torch.equal(compiled(positions, numbers), expected)
    assert len(graphs) == 1


def test_compiled_graphs_refuse_what_layers_refuse():
    torch._dynamo.reset()
    compiled = torch.compile(pgt.Voxelizer(VOX), fullgraph=True, backend="aot_eager")
    compiled(make_positions(), NUMBERS, batch=BATCH, batch_size=2)
    with pytest.raises(ValueError, match="channel"):
        compiled(make_positions(), torch.tensor([8, 1, 6, 8]), batch=BATCH, batch_size=2)
    with pytest.raises(RuntimeError, match="sort the atoms by structure"):
        compiled(make_positions(), NUMBERS, batch=BATCH.flip(0), batch_size=2)


@pytest.mark.parametrize("name", TRACED)
def test_exported_layers_come_back(name):
    vox, learned, given = TRACED[name]
    layer = pgt.Voxelizer(vox, **learned)
    exported = torch.export.export(layer, (make_positions(), NUMBERS), given)
    names = [node.target for node in exported.graph.nodes if node.op == "call_function"]
    assert names.count(torch.ops.particlegrid.voxelize.default) == 1
    file = io.BytesIO()
    torch.export.save(exported, file)
    file.seek(0)
    again = torch.export.load(file).module()
    moved = make_positions() + 0.1
    assert torch.equal(again(moved, NUMBERS, **given), layer(moved, NUMBERS, **given))
