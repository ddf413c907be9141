"""Which: channel schemes map atoms to the channels of a grid."""

from particlegrid.channels.base import ChannelScheme, Concatenated, Entries
from particlegrid.channels.elements import AllAtoms, Elements, PresentElements
from particlegrid.channels.gnina import GninaTypes
from particlegrid.channels.gnina_perception import find_gnina_types
from particlegrid.channels.gnina_table import GNINA_TYPES
from particlegrid.channels.groups import ElementGroups
from particlegrid.channels.pharmacophores import Pharmacophores
from particlegrid.channels.properties import Property
from particlegrid.channels.rules import ByRule
from particlegrid.channels.vectors import ElementVectors
from particlegrid.channels.widths import WithWidths

__all__ = [
    "GNINA_TYPES",
    "AllAtoms",
    "ByRule",
    "ChannelScheme",
    "Concatenated",
    "ElementGroups",
    "ElementVectors",
    "Elements",
    "Entries",
    "GninaTypes",
    "Pharmacophores",
    "PresentElements",
    "Property",
    "WithWidths",
    "find_gnina_types",
]
