"""Where the settings are; a module of its own, which is all that is loaded where there are none."""

import os
from collections.abc import Mapping
from pathlib import Path

SEARCHED = (Path("lpse-ops.yml"), Path("/etc/lpse-ops/lpse-ops.yml"))


def find_settings(
    named: Path | None, environment: Mapping[str, str], searched: tuple[Path, ...] = SEARCHED
) -> Path | None:
    """Return the settings file: the one named, $LPSE_OPS_SETTINGS, or the first that exists."""
    variable = environment.get("LPSE_OPS_SETTINGS")
    if named is None and variable:
        named = Path(variable)
    if named is not None:
        return named
    return next((path for path in searched if os.path.lexists(path)), None)
