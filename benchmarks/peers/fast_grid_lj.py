"""fast-grid: the Lennard-Jones energy of CH4 (TraPPE) among UFF atoms in a unit cell, in K, at points i / n."""

import ase
from fast_grid import calculate_grid
from serving import load_inputs, serve

data = load_inputs()
shape = int(data["shape"])
atoms = ase.Atoms(data["numbers"], scaled_positions=data["fractional"], cell=data["cell"], pbc=True)
kept = {}


def draw():
    kept["grid"] = calculate_grid(atoms, grid_size=shape, cutoff=float(data["cutoff"]))


serve({"fast-grid": draw}, {"fast-grid": lambda: kept["grid"].reshape(shape, shape, shape)})
