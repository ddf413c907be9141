"""Every figure of a report that the run itself did not measure, with its source: the one table is `_QUOTED`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from particlegrid.learn.metrics import Estimate
from particlegrid.learn.results import ResultRow

__all__ = ["Quoted", "QuotedCost", "QuotedError", "quote"]


@dataclass(frozen=True)
class QuotedError:
    """MAE of a method in eV, by target in lower case."""

    method: str
    mae: Mapping[str, float]
    source: str


@dataclass(frozen=True)
class QuotedCost:
    """What a method takes for one molecule, in seconds: a figure for each molecule it was tried on."""

    method: str
    seconds: tuple[float, ...]
    source: str


@dataclass(frozen=True)
class Quoted:
    """What is known of a data set from elsewhere.

    Attributes
    ----------
    errors : tuple of QuotedError
    costs : tuple of QuotedCost
    reference : str
        What the reference values are, and what an error of 0 means.
    geometry : str
        Where the geometries come from.
    """

    errors: tuple[QuotedError, ...] = ()
    costs: tuple[QuotedCost, ...] = ()
    reference: str = field(default="")
    geometry: str = field(default="")

    def rows(self, targets: tuple[str, ...]) -> tuple[ResultRow, ...]:
        """The errors as rows of a report's tables.

        Examples
        --------
        >>> [row.name for row in quote("QM9").rows(("gap",))]
        ['calibrated GFN2-xTB']
        """
        rows = []
        for error in self.errors:
            known = {name: error.mae[name.lower()] for name in targets if name.lower() in error.mae}
            if known:
                metrics = {name: {"mae": Estimate(value)} for name, value in known.items()}
                rows.append(ResultRow(error.method, "quoted", metrics, error.source))
        return tuple(rows)


_QUOTED = {
    "QM9": Quoted(
        errors=(
            QuotedError(
                "calibrated GFN2-xTB",
                {"gap": 0.456, "homo": 0.208, "lumo": 0.380},
                "tblite on QM9's geometries, calibrated to DFT by a straight line; on other molecules of QM9 than the "
                "test molecules here",
            ),
        ),
        costs=(
            QuotedCost(
                "DFT, B3LYP/6-31G(2df,p)",
                (74.0, 80.0, 110.0),
                "CPU time of a single point on one thread, PySCF with density fitting: three molecules of nine heavy "
                "atoms",
            ),
            QuotedCost("GFN2-xTB", (0.022,), "a single point, tblite"),
        ),
        reference=(
            "The reference values are DFT's (B3LYP/6-31G(2df,p)), so an error of 0 would mean agreement with DFT, not "
            "with experiment."
        ),
        geometry=(
            "Where a method needs a geometry, it is the one that DFT had optimised, for the network as for DFT and "
            "xTB; the cost of finding it is in none of the figures."
        ),
    )
}


def quote(data_set: str) -> Quoted:
    """What is known of a data set from elsewhere; nothing for one that is not in the table."""
    return _QUOTED.get(data_set, Quoted())
