"""`element_table`: channel by atomic number, for the schemes that are no more than that."""

import numpy as np
import pytest

from particlegrid import AllAtoms, Batch, Elements, Property, Structure
from particlegrid.channels import ChannelScheme

every_element = Batch([Structure(np.zeros((118, 3)), np.arange(1, 119), properties={"charge": np.ones(118)})])


@pytest.mark.parametrize("scheme", [Elements("O", "H", other="ignore"), Elements("C", other="channel"), AllAtoms()])
def test_table_says_what_list_entries_does(scheme: ChannelScheme) -> None:
    table = scheme.element_table()
    assert table is not None
    assert (table.shape, table.dtype) == ((119,), np.int64)
    channels = table[every_element.numbers]
    entries = scheme.list_entries(every_element)
    assert np.array_equal(entries.atoms, np.flatnonzero(channels >= 0))
    assert np.array_equal(entries.channels, channels[channels >= 0])
    assert (entries.weights == 1).all()
    assert entries.widths is None
    assert table[0] == -2
    assert table.max() == len(scheme.channels) - 1


def test_elements_that_raise_are_told_from_absent_ones() -> None:
    table = Elements("H", "O").element_table()
    assert table is not None
    assert (table[1], table[8], table[6]) == (0, 1, -2)
    absent = Elements("H", "O", other="ignore").element_table()
    assert absent is not None
    assert (absent[1], absent[8], absent[6]) == (0, 1, -1)


@pytest.mark.parametrize("scheme", [Elements("H", weight="charge"), AllAtoms("charge"), Property("charge")])
def test_no_table_where_more_than_the_element_counts(scheme: ChannelScheme) -> None:
    assert scheme.element_table() is None
    assert (scheme + AllAtoms()).element_table() is None


def test_a_caller_cannot_change_the_scheme() -> None:
    table = Elements("H").element_table()
    assert table is not None
    with pytest.raises(ValueError, match="read-only"):
        table[1] = 3
