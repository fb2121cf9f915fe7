"""What a site runs and edits, as this program brings it: playbooks, roles, an example inventory.

In the sources ``shipped/`` holds links to the folders at the top; in a wheel, their files.
"""

from collections.abc import Iterator
from pathlib import Path, PurePath

# Holds ``playbooks`` and ``roles`` side by side.
SHIPPED = Path(__file__).parents[1] / "shipped"
_SITE = Path(__file__).parent / "site"
# What programs leave behind that ran in the sources.
_LEFT_BEHIND = frozenset({"__pycache__", ".ansible", ".mypy_cache", ".ruff_cache"})


def site_files() -> Iterator[tuple[PurePath, bytes]]:
    """Every file that is laid out for a site, by its path there."""
    yield from files_below(_SITE, PurePath())
    yield from files_below(SHIPPED, PurePath())


def files_below(folder: Path, below: PurePath) -> Iterator[tuple[PurePath, bytes]]:
    """The files in a folder, under paths that begin with ``below``."""
    for entry in sorted(folder.iterdir()):
        if entry.name in _LEFT_BEHIND:
            continue
        if entry.is_dir():
            yield from files_below(entry, below / entry.name)
        else:
            yield below / entry.name, entry.read_bytes()
