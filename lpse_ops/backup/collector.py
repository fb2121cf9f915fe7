"""Python's cycle collector, told to look less often.

A walk through a repository makes millions of small values and no cycles; looking through all of
them again and again took a quarter of the time of a restore.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_YOUNG = 100_000


@contextmanager
def rare_collections() -> Iterator[None]:
    """Meant for the length of one command; the settings before it come back afterwards."""
    before = gc.get_threshold()
    gc.set_threshold(_YOUNG, 20, 1000)
    try:
        yield
    finally:
        gc.set_threshold(*before)
