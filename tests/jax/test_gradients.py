"""Derivatives in JAX: those of torch, those of differences, and every mode that leads to them."""

from __future__ import annotations

import warnings

import jax_cases
import numpy as np
import pytest
from jax_cases import HO, list_arguments

jax = pytest.importorskip("jax")

import jax.numpy as jnp  # noqa: E402

from particlegrid import Box, Gaussian, GaussianQuadratic, Occupancy, UnitCell, Voxelizer  # noqa: E402
from particlegrid.errors import OutsideBoxWarning  # noqa: E402
from particlegrid.jax import lowering, primitives, voxelize  # noqa: E402

WATER = np.array([[0.0, 0.1, 0], [0.76, 0.59, 0.1], [-0.76, 0.59, -0.2]])
NUMBERS = np.array([8, 1, 1])
SMOOTH = [0, 1, 2, 3, 4, 5, 6, 8, 10, 18, 19, 20, 22, 23, 24]  # of the cases, those whose slopes have no kinks nearby


def make_loss(case, seed=0):
    """A loss of positions, weights, widths and cells, in JAX and in torch, and where to take its gradient."""
    make, parts = jax_cases.CASES[case]
    batch = make()
    vox = Voxelizer(*parts, dtype="float64", tol=1e-12)
    positions, numbers, others = list_arguments(batch)
    random = np.random.default_rng(seed)
    point = [positions, random.uniform(0.5, 1.5, len(numbers)), random.uniform(0.5, 0.7, len(numbers))]
    if "cell" in others:
        point.append(others.pop("cell"))
    factors = random.normal(size=vox._resolve(batch)(batch).shape)

    def loss(positions, weights, widths, cell=None):
        grids = voxelize(vox, positions, numbers, weights=weights, widths=widths, cell=cell, **others)
        return (factors * grids + 0.5 * grids**2).sum()

    def torch_loss(positions, weights, widths, cell=None):
        import torch

        from particlegrid.torch import voxelize as torch_voxelize

        constants = {name: torch.from_numpy(np.array(values)) for name, values in others.items()}
        if cell is None:
            constants["batch_size"] = len(batch)
        grids = torch_voxelize(
            vox, positions, torch.from_numpy(numbers), weights=weights, widths=widths, cell=cell, **constants
        )
        return (torch.from_numpy(factors) * grids + 0.5 * grids**2).sum()

    return loss, torch_loss, point


@pytest.mark.usefixtures("x64")
@pytest.mark.filterwarnings("ignore::particlegrid.errors.OutsideBoxWarning")
@pytest.mark.parametrize("case", SMOOTH)
def test_gradients_are_those_of_torch(case):
    torch = pytest.importorskip("torch")
    loss, torch_loss, point = make_loss(case)
    if jax_cases.CASES[case][1][0] == jax_cases.GRID and len(point) == 4:
        point[3] = np.broadcast_to(jax_cases.CELL, point[3].shape) * [[[1.0]], [[1.1]]]
    by = tuple(range(len(point)))
    slopes = jax.jit(jax.grad(loss, argnums=by))(*point)
    tensors = [torch.tensor(values, requires_grad=True) for values in point]
    torch_slopes = torch.autograd.grad(torch_loss(*tensors), tensors, create_graph=True)
    random = np.random.default_rng(1)
    direction = [random.normal(size=values.shape) for values in point]
    # a product with second derivatives, forward over reverse here and reverse over reverse there
    _, bends = jax.jit(lambda *d: jax.jvp(jax.grad(loss, argnums=by), tuple(point), d))(*direction)
    inner = sum((slope * torch.from_numpy(d)).sum() for slope, d in zip(torch_slopes, direction))
    torch_bends = torch.autograd.grad(inner, tensors)
    for ours, theirs in [*zip(slopes, torch_slopes), *zip(bends, torch_bends)]:
        theirs = theirs.detach().numpy()
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-6 * abs(theirs).max() + 1e-14)


@pytest.mark.usefixtures("x64")
@pytest.mark.filterwarnings("ignore::particlegrid.errors.OutsideBoxWarning")
@pytest.mark.parametrize("case", [0, 4, 10, 18, 20, 24])
def test_every_mode_gives_the_same_derivatives(case):
    loss, _, point = make_loss(case)
    by = tuple(range(len(point)))
    random = np.random.default_rng(2)
    d = tuple(random.normal(size=values.shape) for values in point)

    def dot(slopes, direction):
        return sum((a * b).sum() for a, b in zip(slopes, direction))

    @jax.jit
    def all_modes(point, d):
        gradient = jax.grad(loss, argnums=by)
        value, pushed = jax.jvp(loss, point, d)
        pulled = gradient(*point)
        forward_over_reverse = jax.jvp(gradient, point, d)[1]
        reverse_over_reverse = jax.grad(lambda p: dot(gradient(*p), d))(point)
        reverse_over_forward = jax.grad(lambda p: jax.jvp(loss, p, d)[1])(point)
        linear = jax.linearize(gradient, *point)[1](*d)
        remembered = jax.grad(lambda p: dot(jax.grad(jax.checkpoint(loss), argnums=by)(*p), d))(point)
        modes = (forward_over_reverse, reverse_over_reverse, reverse_over_forward, linear, remembered)
        return value, pushed, pulled, modes

    value, pushed, pulled, modes = all_modes(tuple(point), d)
    size = sum(abs(a * b).sum() for a, b in zip(pulled, d))
    np.testing.assert_allclose(pushed, dot(pulled, d), rtol=0, atol=1e-12 * size)
    draw = jax.jit(loss)
    step = 1e-4
    ahead, behind = (draw(*(p + sign * step * e for p, e in zip(point, d))) for sign in (1, -1))
    np.testing.assert_allclose(pushed, (ahead - behind) / (2 * step), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(value, draw(*point), rtol=1e-12)
    gradient = jax.jit(jax.grad(loss, argnums=by))
    ahead, behind = (gradient(*(p + sign * step * e for p, e in zip(point, d))) for sign in (1, -1))
    for i in by:
        size = abs(modes[0][i]).max()
        np.testing.assert_allclose(modes[0][i], (ahead[i] - behind[i]) / (2 * step), rtol=1e-5, atol=1e-5 * size)
        for other in modes[1:]:
            np.testing.assert_allclose(other[i], modes[0][i], rtol=1e-11, atol=1e-12 * size)


@pytest.mark.usefixtures("x64")
def test_jacobians():
    """By columns, by rows, and by differences; the Hessian both ways."""
    vox = Voxelizer(Box(3, 1.0), HO, Gaussian(0.5), dtype="float64", tol=1e-12)

    def draw(x):
        return voxelize(vox, x, NUMBERS)

    forward, reverse = jax.jacfwd(draw)(WATER), jax.jacrev(draw)(WATER)
    np.testing.assert_allclose(forward, reverse, rtol=1e-12, atol=1e-15)
    step = np.zeros_like(WATER)
    step[1, 2] = 1e-5
    differences = (draw(WATER + step) - draw(WATER - step)) / 2e-5
    np.testing.assert_allclose(forward[..., 1, 2], differences, rtol=1e-6, atol=1e-9)

    def loss(x):
        return (draw(x) ** 2).sum()

    hessian = jax.hessian(loss)(WATER)
    np.testing.assert_allclose(hessian, jax.jacrev(jax.jacrev(loss))(WATER), rtol=1e-11, atol=1e-14)
    np.testing.assert_allclose(hessian, hessian.transpose(2, 3, 0, 1), rtol=1e-11, atol=1e-14)


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("what", [Gaussian(0.5), GaussianQuadratic(1.2)])
def test_gradients_of_a_batch(what):
    """jit(vmap(grad)) and jit(vmap(grad of grad)) against one structure at a time."""
    random = np.random.default_rng(0)
    positions = WATER + 0.1 * random.normal(size=(5, 3, 3))
    numbers = random.choice([1, 8], (5, 3))
    vox = Voxelizer(Box(6, 0.8, outside="ignore"), HO, what, dtype="float64")

    def loss(x, z):
        return (voxelize(vox, x, z) ** 2).sum()

    def bend(x, z):
        return jax.grad(lambda x: (jax.grad(loss)(x, z) * WATER).sum())(x)

    for function in (jax.grad(loss), bend):
        together = jax.jit(jax.vmap(function))(positions, numbers)
        alone = np.stack([function(x, z) for x, z in zip(jnp.asarray(positions), numbers)])
        np.testing.assert_allclose(together, alone, rtol=1e-11, atol=1e-13)
        flat = jax.grad(
            lambda x: (voxelize(vox, x.reshape(-1, 3), numbers.ravel(), batch=np.repeat(range(5), 3)) ** 2).sum()
        )(jnp.asarray(positions))
        if function is not bend:
            np.testing.assert_allclose(together, flat, rtol=1e-11, atol=1e-13)


@pytest.mark.usefixtures("x64")
def test_strain_at_fixed_fractions():
    """The derivative by the cell, with positions that move with it, against differences."""
    vox = Voxelizer(UnitCell((5, 4, 6)), HO, Gaussian(0.6, "mean"), dtype="float64", tol=1e-12)
    fractions = np.random.default_rng(0).uniform(size=(3, 3))
    factors = np.random.default_rng(1).normal(size=(1, 2, 5, 4, 6))

    @jax.jit
    def energy(strain):
        cell = jax_cases.CELL @ (np.eye(3) + strain)
        return (voxelize(vox, fractions @ cell, NUMBERS, cell=cell) ** 2 * factors).sum()

    slope = jax.grad(energy)(np.zeros((3, 3)))
    for index in np.ndindex(3, 3):
        step = np.zeros((3, 3))
        step[index] = 1e-5
        difference = (energy(step) - energy(-step)) / 2e-5
        np.testing.assert_allclose(slope[index], difference, rtol=1e-6, atol=1e-7)


def test_float32_gradients_are_those_of_float64():
    positions = jnp.asarray(WATER, jnp.float32)
    rough = Voxelizer(Box(8, 0.5), HO, Gaussian(0.5))
    fine = Voxelizer(Box(8, 0.5), HO, Gaussian(0.5), dtype="float64")

    def loss(x, vox):
        return (voxelize(vox, x, NUMBERS) ** 2).sum()

    def derive(vox, x):
        slope = jax.grad(loss)(x, vox)
        bend = jax.grad(lambda x: (jax.grad(loss)(x, vox) * jnp.asarray(WATER, x.dtype)).sum())(x)
        return slope, bend

    singles = derive(rough, positions)
    with jax.enable_x64(True):
        doubles = derive(fine, jnp.asarray(positions, jnp.float64))
    for single, double in zip(singles, doubles):
        assert single.dtype == np.float32
        assert double.dtype == np.float64
        np.testing.assert_allclose(single, double, rtol=0, atol=1e-5 * abs(np.asarray(double)).max())


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", [0, 1, 5, 18, 19])
def test_handlers_without_python_and_through_it_give_the_same_bits(case, dtype, monkeypatch):
    make, (where, which, what) = jax_cases.CASES[case]
    batch = make()
    vox = Voxelizer(where, which, what, dtype=dtype)
    positions, numbers, others = list_arguments(batch)
    others |= {"weights": np.linspace(0.5, 1, len(numbers)), "widths": np.linspace(0.4, 0.6, len(numbers))}
    cell = others.pop("cell", None)

    def everything():
        def loss(x, weights, cell):
            return (voxelize(vox, x, numbers, cell=cell, **(others | {"weights": weights})) ** 2).sum()

        def derive(x, weights, cell):
            slope = jax.grad(loss)(x, weights, cell)
            tangent = jax.jvp(loss, (x, weights, cell), (x, weights, cell))
            bend = jax.grad(lambda x: (jax.grad(loss)(x, weights, cell) ** 2).sum())(x)
            return slope, tangent, bend

        return jax.tree.leaves(jax.jit(derive)(positions, others["weights"], cell))

    calls = []
    monkeypatch.setattr(lowering, "_find_native", _note(lowering._find_native, calls))
    native = everything()
    assert any(calls)
    jax.clear_caches()
    monkeypatch.setattr(lowering, "_find_native", lambda *_: None)
    for one, other in zip(native, everything()):
        assert (np.asarray(one) == np.asarray(other)).all()
    jax.clear_caches()


def _note(function, calls):
    def noting(*arguments):
        calls.append(function(*arguments))
        return calls[-1]

    return noting


def test_derivatives_that_there_are_not():
    vox = Voxelizer(Box(4, 0.8), HO, Gaussian(0.5))
    x = jnp.asarray(WATER, jnp.float32)

    def loss(x):
        return (voxelize(vox, x, NUMBERS) ** 2).sum()

    with pytest.raises(NotImplementedError, match="take forward over reverse"):
        jax.jacfwd(jax.jacfwd(loss))(x)
    with pytest.raises(NotImplementedError, match="this asks for a third derivative"):
        jax.grad(lambda x: jax.hessian(loss)(x).sum())(x)

    class Undifferentiated(Occupancy):
        """A density of one's own."""

        def push_forward(self, drawing, direction):
            return False

        def pull_back(self, drawing, gradient, direction=None):
            return False

    plain = Voxelizer(Box(4, 0.8), HO, Undifferentiated())
    np.testing.assert_allclose(
        voxelize(plain, x, NUMBERS), voxelize(Voxelizer(Box(4, 0.8), HO, Occupancy()), x, NUMBERS)
    )
    with pytest.raises(Exception, match=r"Undifferentiated.* has no derivatives"):
        jax.block_until_ready(jax.grad(lambda x: voxelize(plain, x, NUMBERS).sum())(x))


def test_what_is_asked_of_the_core_is_what_is_wanted():
    """Positions alone ask for neither widths' nor axes' derivatives, which take as long again."""
    vox = Voxelizer(Box(4, 0.8, "origin"), HO, Gaussian(0.5))

    def loss(x, widths):
        return (voxelize(vox, x, NUMBERS, widths=widths) ** 2).sum()

    def list_wanted(by):
        program = jax.make_jaxpr(jax.grad(loss, argnums=by))(WATER, np.full(3, 0.5))
        return [
            {primitives.GEOMETRY[i] for i in equation.params["by"]}
            for equation in program.eqns
            if equation.primitive is primitives.pull_back
        ]

    assert list_wanted(0) == [{"positions"}]
    assert list_wanted((0, 1)) == [{"positions", "widths"}]


def test_steps_within_a_scan():
    """Steepest descent compiled as a loop, and the gradient through all of its steps."""
    vox = Voxelizer(Box(6, 0.6, outside="ignore"), HO, Gaussian(0.5))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OutsideBoxWarning)
        target = voxelize(vox, jnp.asarray(WATER, jnp.float32), NUMBERS)

    def distance(x):
        return ((voxelize(vox, x, NUMBERS) - target) ** 2).sum()

    @jax.jit
    def descend(x, rate):
        return jax.lax.scan(lambda x, _: (x - rate * jax.grad(distance)(x), distance(x)), x, None, length=20)

    start = jnp.asarray(1.15 * WATER, jnp.float32)
    _, distances = descend(start, 1.0)
    assert distances[-1] < 0.2 * distances[0]
    slope = jax.grad(lambda rate: distance(descend(start, rate)[0]))(0.5)
    step = 0.02
    difference = (distance(descend(start, 0.5 + step)[0]) - distance(descend(start, 0.5 - step)[0])) / (2 * step)
    np.testing.assert_allclose(slope, difference, rtol=0.02)
