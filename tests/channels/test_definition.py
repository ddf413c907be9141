"""Every element-based scheme beside a loop over the atoms that says what it means, on random batches."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from particlegrid import AllAtoms, Batch, ElementGroups, Elements, ElementVectors, Property, Structure, WithWidths
from particlegrid.channels import ChannelScheme

SYMBOLS = ("H", "C", "O", "Zn")
WIDTHS = {"H": 0.3, "Zn": 1.2}
GROUPS = {"light": ["H", "C"], "metal": ["Zn"]}
VECTORS = {"H": (1.0, 0.0), "C": (0.5, -2.0), "Zn": (0.0, 3.0)}

# scheme and, for one atom, its (channel, weight, width) rows; width None is the density's
MEANINGS = [
    (Elements(*SYMBOLS), lambda s, q, v: [(SYMBOLS.index(s), 1.0, None)]),
    (Elements("C", "H", other="ignore", weight="q"), lambda s, q, v: [("CH".index(s), q, None)] if s in "CH" else []),
    (Elements("O", other="channel"), lambda s, q, v: [(int(s != "O"), 1.0, None)]),
    (AllAtoms("q"), lambda s, q, v: [(0, q, None)]),
    (ElementGroups(GROUPS, "channel"), lambda s, q, v: [(0 if s in "HC" else 1 if s == "Zn" else 2, 1.0, None)]),
    (
        ElementVectors(VECTORS, other="ignore"),
        lambda s, q, v: [(k, w, None) for k, w in enumerate(VECTORS.get(s, ())) if w != 0],
    ),
    (Property("v", size=2), lambda s, q, v: [(k, x, None) for k, x in enumerate(v) if x != 0]),
    (WithWidths(AllAtoms(), WIDTHS), lambda s, q, v: [(0, 1.0, WIDTHS.get(s))]),
]

atoms = st.tuples(
    st.sampled_from(SYMBOLS), st.sampled_from([-1.0, 0.0, 0.5]), st.sampled_from([(0.0, 2.0), (1.0, 0.0)])
)
batches = st.lists(st.lists(atoms, max_size=4), max_size=4)


def make_batch(molecules) -> Batch:
    return Batch(
        Structure(
            np.zeros((len(rows), 3)),
            [symbol for symbol, _, _ in rows],
            properties={"q": [q for _, q, _ in rows], "v": np.array([v for _, _, v in rows]).reshape(-1, 2)},
        )
        for rows in molecules
    )


def spell_out(scheme: ChannelScheme, batch: Batch) -> list[list[tuple]]:
    """Rows (atom, channel, weight, width) of each structure's entries."""
    entries = scheme.list_entries(batch)
    widths = [None] * len(entries.atoms)
    if entries.widths is not None:
        widths = [None if np.isnan(width) else width for width in entries.widths.tolist()]
    rows = list(zip(entries.atoms.tolist(), entries.channels.tolist(), entries.weights.tolist(), widths, strict=True))
    assert entries.offsets[0] == 0
    assert entries.offsets[-1] == len(rows)
    return [rows[a:b] for a, b in zip(entries.offsets[:-1], entries.offsets[1:])]


@given(batches)
def test_each_scheme_is_its_meaning(molecules) -> None:
    batch = make_batch(molecules)
    for scheme, meaning in MEANINGS:
        index, expected = 0, []
        for rows in molecules:
            expected.append([])
            for row in rows:
                expected[-1] += [(index, *entry) for entry in meaning(*row)]
                index += 1
        assert spell_out(scheme, batch) == expected, scheme


@given(batches, st.lists(st.sampled_from(range(len(MEANINGS))), min_size=2, max_size=3))
def test_a_sum_has_the_entries_of_its_parts_one_after_the_other(molecules, parts) -> None:
    batch = make_batch(molecules)
    schemes = [MEANINGS[k][0] for k in parts]
    total = schemes[0]
    for scheme in schemes[1:]:
        total = total + scheme
    starts = np.cumsum([0] + [len(scheme.channels) for scheme in schemes]).tolist()
    each = [spell_out(scheme, batch) for scheme in schemes]
    expected = [
        [(a, c + start, w, s) for rows, start in zip(each, starts) for a, c, w, s in rows[i]] for i in range(len(batch))
    ]
    assert spell_out(total, batch) == expected
