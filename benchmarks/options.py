"""What the command lines of the benchmarks have in common."""

import argparse
import os
from collections.abc import Callable
from pathlib import Path

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lpse-ops-benchmarks"


def choices(allowed: tuple[str, ...]) -> Callable[[str], tuple[str, ...]]:
    """Read ``a,b``; what comes out is in the order of ``allowed``."""

    def parse(text: str) -> tuple[str, ...]:
        wanted = text.split(",")
        unknown = [word for word in wanted if word not in allowed]
        if unknown:
            raise argparse.ArgumentTypeError(f"{unknown[0]!r} is none of {', '.join(allowed)}")
        return tuple(word for word in allowed if word in wanted)

    return parse
