"""Which: channel schemes map atoms to the channels of a grid."""

from particlegrid.channels.base import ChannelScheme, Concatenated, Entries
from particlegrid.channels.elements import AllAtoms, Elements, PresentElements
from particlegrid.channels.groups import ElementGroups
from particlegrid.channels.properties import Property
from particlegrid.channels.rules import ByRule
from particlegrid.channels.vectors import ElementVectors
from particlegrid.channels.widths import WithWidths

__all__ = [
    "AllAtoms",
    "ByRule",
    "ChannelScheme",
    "Concatenated",
    "ElementGroups",
    "ElementVectors",
    "Elements",
    "Entries",
    "PresentElements",
    "Property",
    "WithWidths",
]
