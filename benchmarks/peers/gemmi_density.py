"""gemmi's density calculator as a drawer of pure Gaussians in a unit cell, one channel after the other.

The neutron form factor is a constant, so that an atom is exp(-4 pi^2 d^2 / B) alone; B = 8 pi^2 sigma^2 makes its
width sigma. The height is the element's scattering length times the occupancy: all atoms are carbon, and the
occupancy is 1 / 6.646, its scattering length in fm. Density is cut below an absolute level, here that of `cut` sigmas.
Points lie at i / n of the cell.
"""

import gemmi
import numpy as np
from serving import load_inputs, serve

data = load_inputs()
sigma, cut, shape = float(data["sigma"]), float(data["cut"]), int(data["shape"])
channels, fractional = data["channels"], data["fractional"]
a, b, c = data["cell"]


def angle(u, v):
    return float(np.degrees(np.arccos(u @ v / np.linalg.norm(u) / np.linalg.norm(v))))


cell = gemmi.UnitCell(*(float(np.linalg.norm(v)) for v in (a, b, c)), angle(b, c), angle(a, c), angle(a, b))


def make_calculator():
    made = gemmi.DensityCalculatorN()
    made.grid.set_unit_cell(cell)
    made.grid.spacegroup = gemmi.SpaceGroup("P 1")
    made.grid.set_size(shape, shape, shape)
    made.cutoff = length * peak * np.exp(-(cut**2) / 2)
    return made


def make_atom(position, occupancy):
    atom = gemmi.Atom()
    atom.element = gemmi.Element("C")
    atom.b_iso = 8 * np.pi**2 * sigma**2
    atom.occ = occupancy
    atom.pos = cell.orthogonalize(gemmi.Fractional(*position))
    return atom


peak = (2 * np.pi * sigma**2) ** -1.5
probe = gemmi.DensityCalculatorN()
probe.grid.set_unit_cell(gemmi.UnitCell(10, 10, 10, 90, 90, 90))
probe.grid.set_size(20, 20, 20)
probe.add_atom_density_to_grid(make_atom((0, 0, 0), 1.0))
length = probe.grid.get_value(0, 0, 0) / peak


def make_model(chosen):
    model, chain, residue = gemmi.Model(1), gemmi.Chain("A"), gemmi.Residue()
    residue.name, residue.seqid = "XXX", gemmi.SeqId("1")
    for position in fractional[chosen]:
        residue.add_atom(make_atom(position, 1 / length))
    chain.add_residue(residue)
    model.add_chain(chain)
    return model


# one calculator a channel, so that nothing is copied
models = [make_model(channels == k) for k in range(int(channels.max()) + 1)]
calculators = [make_calculator() for _ in models]


def draw():
    for calculator, model in zip(calculators, models, strict=True):
        calculator.put_model_density_on_grid(model)


serve({"gemmi": draw}, {"gemmi": lambda: np.stack([calculator.grid.array for calculator in calculators])})
