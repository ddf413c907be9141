"""Pictures and interactive pages."""
