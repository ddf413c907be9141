"""JAX with 64-bit types for the tests that ask for it; the default elsewhere, as users have it."""

import pytest


@pytest.fixture
def x64():
    """Float64 as JAX's floating point."""
    jax = pytest.importorskip("jax")
    with jax.enable_x64(True):
        yield
