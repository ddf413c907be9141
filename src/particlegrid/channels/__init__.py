"""Which: channel schemes map atoms to the channels of a grid."""

from particlegrid.channels.base import ChannelScheme, Concatenated, Entries
from particlegrid.channels.elements import AllAtoms, Elements, PresentElements
from particlegrid.channels.properties import Property
from particlegrid.channels.rules import ByRule

__all__ = ["AllAtoms", "ByRule", "ChannelScheme", "Concatenated", "Elements", "Entries", "PresentElements", "Property"]
