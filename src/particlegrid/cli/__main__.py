"""``python -m particlegrid.cli``."""

from particlegrid.cli import main

main()
