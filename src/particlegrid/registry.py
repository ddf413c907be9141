"""`Noun`: immutable descriptions (placements, channel schemes, densities) that go to a dict and back."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, ClassVar, Self

__all__ = ["Noun", "from_dict"]


class Noun:
    """Base of the frozen dataclasses that describe where, which and what.

    Every field holds plain values (numbers, strings, None, tuples and dicts of them), so that a description survives
    JSON; subclasses are found again by their class name.
    """

    _kinds: ClassVar[dict[str, type[Noun]]] = {}

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if cls.__name__.startswith("_"):
            return
        known = Noun._kinds.get(cls.__name__, cls)
        # a module that is loaded again may define its classes again; another module may not take a name that stands
        # in checkpoints
        if known.__module__ != cls.__module__:
            raise TypeError(f"the name {cls.__name__} is taken by {known.__module__}; call the class something else")
        Noun._kinds[cls.__name__] = cls

    def to_dict(self) -> dict[str, Any]:
        """Describe as plain values, with the class name under "type"."""
        values = {f.name: _plain(getattr(self, f.name)) for f in fields(self)}  # type: ignore[arg-type]
        return {"type": type(self).__name__, **values}

    @classmethod
    def _from_fields(cls, values: dict[str, Any]) -> Self:
        return cls(**values)


def from_dict(description: dict[str, Any]) -> Noun:
    """Make the noun again that `Noun.to_dict` described.

    Raises
    ------
    ValueError
        If "type" names no known class or the fields do not fit it.
    """
    values = dict(description)
    kind = values.pop("type", None)
    cls = Noun._kinds.get(kind) if isinstance(kind, str) else None
    if cls is None:
        raise ValueError(f"`type` is {kind!r}; known are {', '.join(sorted(Noun._kinds))}")
    try:
        return cls._from_fields({key: _frozen(value) for key, value in values.items()})
    except TypeError as error:
        raise ValueError(f"{kind} cannot be made from {sorted(values)}: {error}") from None


def _plain(value: Any) -> Any:
    if isinstance(value, Noun):
        return value.to_dict()
    if isinstance(value, tuple):
        return [_plain(v) for v in value]
    if isinstance(value, dict):
        return {key: _plain(v) for key, v in value.items()}
    return value


def _frozen(value: Any) -> Any:
    if isinstance(value, dict) and "type" in value:
        return from_dict(value)
    if isinstance(value, list):
        return tuple(_frozen(v) for v in value)
    return value
