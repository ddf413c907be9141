"""A measured ratio beside its target, and the table of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Ratio:
    """One line of the table.

    Attributes
    ----------
    number : int
        Of the list in README.md.
    what : str
        What is compared, and on which input.
    value : float or None
        None: could not be measured here; `note` says why.
    target : float or None
        None: there is no target, the value informs.
    at_most : bool
        Whether the target is an upper bound.
    note : str
        The two rates behind the ratio, or what is missing.
    """

    number: int
    what: str
    value: float | None
    target: float | None
    at_most: bool = False
    note: str = ""

    @property
    def met(self) -> bool:
        """Whether the target is reached."""
        if self.value is None or self.target is None:
            return self.target is None
        return self.value <= self.target if self.at_most else self.value >= self.target

    def __str__(self) -> str:
        value = "      -" if self.value is None else f"{self.value:7.2f}"
        target = verdict = ""
        if self.target is not None:
            target = f"{'<=' if self.at_most else '>='} {self.target:g}"
            verdict = "not measured" if self.value is None else "met" if self.met else "NOT MET"
        return f"{self.number}  {self.what:48s} {value}  {target:8s} {verdict:12s} {self.note}".rstrip()


def print_ratios(ratios: Iterable[Ratio]) -> None:
    """Print each as it comes, at once."""
    for ratio in ratios:
        print(ratio, flush=True)


def print_summary(ratios: list[Ratio]) -> None:
    """Print how many are met, and which are not."""
    aims = [ratio for ratio in ratios if ratio.target is not None]
    missed = [ratio for ratio in aims if ratio.value is not None and not ratio.met]
    absent = [ratio for ratio in aims if ratio.value is None]
    print(f"{sum(ratio.met for ratio in aims)} of {len(aims)} met")
    for title, rows in (("not met", missed), ("not measured", absent)):
        if rows:
            print(f"{title}:", *rows, sep="\n  ")
