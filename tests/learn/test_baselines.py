import numpy as np
import pytest

from particlegrid import Batch, Structure
from particlegrid.data import pack

pytest.importorskip("torch")

from particlegrid.learn.baselines import (  # after torch is known to be there
    CompositionBaseline,
    MeanBaseline,
    SpectralKernelRidge,
    pair_spectra,
)

BASELINES = [MeanBaseline, CompositionBaseline, SpectralKernelRidge]


def make_molecules(n: int, seed: int = 0) -> list[Structure]:
    random = np.random.default_rng(seed)
    sizes = random.integers(2, 7, n)
    return [Structure(random.normal(size=(m, 3)), random.choice(["H", "C", "O"], m)) for m in sizes]


def rotate(structure: Structure, seed: int = 0) -> Structure:
    rotation = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))[0]
    order = np.random.default_rng(seed).permutation(len(structure))
    return Structure((structure.positions @ rotation + 5.0)[order], structure.numbers[order])


def directions(n: int) -> np.ndarray:
    """Unit vectors spread evenly over the sphere (a Fibonacci spiral)."""
    z = 1.0 - (2.0 * np.arange(n) + 1.0) / n
    angle = np.pi * (1.0 + 5.0**0.5) * np.arange(n)
    return np.column_stack([np.sqrt(1 - z * z) * np.cos(angle), np.sqrt(1 - z * z) * np.sin(angle), z])


@pytest.mark.parametrize("k", [0.5, 2.0, 6.0])
def test_spectra_are_fourier_transforms_averaged_over_directions(k):
    molecules = make_molecules(5)
    spectra = pair_spectra(Batch(molecules), [1, 6, 8], [k])
    waves = k * directions(20_000)
    for molecule, spectrum in zip(molecules, spectra):
        phases = np.exp(-1j * molecule.positions @ waves.T)
        f = [phases[molecule.numbers == z].sum(axis=0) for z in (1, 6, 8)]
        want = [(np.conj(f[a]) * f[b]).real.mean() for a in range(3) for b in range(a, 3)]
        assert np.allclose(spectrum, want, atol=2e-4)


def test_spectra_are_those_of_a_voxel_grid():
    """The power spectrum of a grid of Gaussians, averaged over shells of wave vectors, to the noise of the shells."""
    width, spacing, n = 0.4, 0.25, 64
    molecule = Structure([[0, 0, 0], [1.2, 0, 0], [0, 1.5, 0.4]], ["O", "H", "H"])
    axis = (np.arange(n) - n / 2) * spacing
    x, y, z = np.meshgrid(axis, axis, axis, indexing="ij")
    transforms = []
    for number in (1, 8):
        grid = np.zeros((n, n, n))
        for px, py, pz in molecule.positions[molecule.numbers == number]:
            grid += np.exp(-((x - px) ** 2 + (y - py) ** 2 + (z - pz) ** 2) / (2 * width**2))
        transforms.append(np.fft.fftn(grid) * spacing**3 / (2 * np.pi * width**2) ** 1.5)
    waves = 2 * np.pi * np.fft.fftfreq(n, spacing)
    k = np.sqrt(waves[:, None, None] ** 2 + waves[None, :, None] ** 2 + waves**2)
    for low in (1.0, 2.0, 3.0):
        shell = (k >= low) & (k < low + 0.5)
        for pair, (a, b) in enumerate([(0, 0), (0, 1), (1, 1)]):
            seen = (np.conj(transforms[a]) * transforms[b]).real[shell].mean()
            spectra = pair_spectra(Batch([molecule]), [1, 8], k[shell]).reshape(3, -1)
            want = (spectra[pair] * np.exp(-((width * k[shell]) ** 2))).mean()
            assert seen == pytest.approx(want, rel=0.03, abs=0.02)


def test_spectra_do_not_see_rotation_translation_reflection_or_order():
    molecules = make_molecules(20)
    k = np.linspace(0.5, 10, 8)
    turned = Batch([rotate(m, i) for i, m in enumerate(molecules)])
    # float32 sines, 2e-7 for each of up to 15 pairs, and distances that round to other float32
    assert np.allclose(pair_spectra(Batch(molecules), [1, 6, 8], k), pair_spectra(turned, [1, 6, 8], k), atol=1e-4)


def test_spectra_of_single_atoms_and_of_none():
    spectra = pair_spectra(Batch([Structure([[1, 2, 3]], ["C"]), Structure([], [])]), [1, 6], [1.0, 2.0])
    assert spectra.tolist() == [[0, 0, 0, 0, 1, 1], [0, 0, 0, 0, 0, 0]]


def test_mean():
    molecules = make_molecules(4)
    model = MeanBaseline().fit(molecules, [0, 1], [[1.0, 10.0], [3.0, 30.0]])
    assert model.predict(molecules, [2, 3, 0]).tolist() == [[2.0, 20.0]] * 3


def test_composition_finds_energies_of_atoms():
    molecules = make_molecules(60)
    value = {"H": -1.0, "C": 2.0, "O": 0.5}
    y = np.array([[3.0 + sum(value[s] for s in m.symbols), 2.0 * len(m)] for m in molecules])
    model = CompositionBaseline().fit(molecules, np.arange(30), y[:30])
    assert np.allclose(model.predict(molecules, np.arange(30, 60)), y[30:])


def test_composition_of_one_formula_is_the_mean():
    molecules = [Structure([[0, 0, 0], [0, 0, d]], ["H", "H"]) for d in (0.7, 0.8, 0.9)]
    assert np.allclose(CompositionBaseline().fit(molecules, [0, 1], [[1.0], [3.0]]).predict(molecules, [2]), 2.0)


def test_spectra_learn_what_depends_on_distances():
    molecules = make_molecules(1200)
    near = [np.linalg.norm(m.positions - m.positions.mean(0), axis=1) for m in molecules]
    y = np.array([[d.max(), -(d**2).sum()] for d in near])
    train, test = np.arange(1000), np.arange(1000, 1200)
    model = SpectralKernelRidge(max_train=900).fit(molecules, train, y[train])
    error = np.abs(model.predict(molecules, test) - y[test]).mean(axis=0)
    by_composition = CompositionBaseline().fit(molecules, train, y[train]).predict(molecules, test)
    assert (error < 0.5 * np.abs(by_composition - y[test]).mean(axis=0)).all()
    turned = [rotate(molecules[i], i) for i in test]
    assert np.allclose(model.predict(turned, np.arange(200)), model.predict(molecules, test), atol=1e-3)


def test_spectra_give_back_the_training_labels():
    molecules = make_molecules(50)
    y = np.random.default_rng(1).normal(size=(50, 2))
    model = SpectralKernelRidge(ridge=1e-8).fit(molecules, np.arange(50), y)
    assert np.allclose(model.predict(molecules, np.arange(50)), y, atol=1e-3)


@pytest.mark.parametrize("kind", BASELINES)
def test_a_store_gives_the_same_as_a_list(tmp_path, kind):
    molecules = make_molecules(40)
    store = pack(molecules, tmp_path / "store", shard_size=16)
    y = np.random.default_rng(1).normal(size=(20, 3))
    pick = np.random.default_rng(2).permutation(40)
    a = kind().fit(store, pick[:20], y).predict(store, pick[20:])
    b = kind().fit(molecules, pick[:20], y).predict(molecules, pick[20:])
    assert a.shape == (20, 3)
    assert np.array_equal(a, b)
    assert kind().fit(store, pick[:20], y).predict(store, np.empty(0, np.int64)).shape == (0, 3)


@pytest.mark.parametrize("kind", BASELINES)
@pytest.mark.parametrize(
    ("y", "message"), [([1.0, 2.0], "must have shape"), ([[1.0]], "must have shape"), ([[1.0], [np.nan]], "not finite")]
)
def test_wrong_labels(kind, y, message):
    with pytest.raises(ValueError, match=message):
        kind().fit(make_molecules(2), [0, 1], y)


@pytest.mark.parametrize("kind", [CompositionBaseline, SpectralKernelRidge])
def test_an_unknown_element_is_named(kind):
    molecules = [*make_molecules(10), Structure([[0, 0, 0]], ["Zn"])]
    model = kind().fit(molecules, np.arange(10), np.arange(10.0)[:, None])
    with pytest.raises(ValueError, match="Zn is not among the elements H, C, O"):
        model.predict(molecules, [10])


def test_spectra_are_for_molecules_of_few_elements():
    crystal = Structure([[0, 0, 0]], ["Fe"], cell=np.eye(3) * 3)
    with pytest.raises(ValueError, match="a structure is periodic"):
        SpectralKernelRidge().fit([crystal], [0], [[1.0]])
    many = [Structure([[0, 0, 0]], [z]) for z in range(1, 14)]
    with pytest.raises(ValueError, match="13 elements; pair spectra are for at most 12"):
        SpectralKernelRidge().fit(many, np.arange(13), np.ones((13, 1)))
