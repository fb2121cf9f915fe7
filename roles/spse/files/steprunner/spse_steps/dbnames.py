"""Names of the databases and dumps that an upgrade makes beside the application's own."""

import re
from typing import Iterable, List, NamedTuple, Optional

# The rollback point; half a one; half a restored one; what an upgrade that failed left.
BEFORE, CLONING, RESTORING, FAILED = "before", "cloning", "restoring", "failed"
_HALF = (CLONING, RESTORING)
_LONGEST_BYTES = 63
_LONGEST_SUFFIX = len("_restoring_20261122T021500Z_ab12_99")
_SUFFIX = re.compile(
    r"_(before|cloning|restoring|failed)_(\d{8}T\d{6}Z_[0-9a-f]{4})(?:_(\d{1,2}))?"
)


class Beside(NamedTuple):
    """A database beside that of the application; ``stamp`` is of the upgrade that made it."""

    name: str
    kind: str
    stamp: str


def name_beside(name: str, kind: str, stamp: str, number: int = 1) -> str:
    """``NAME_kind_stamp``, with a long NAME cut so that the server does not cut the rest."""
    return f"{_start(name)}_{kind}_{stamp}" + (f"_{number}" if number > 1 else "")


def free_name(name: str, kind: str, stamp: str, taken: Iterable[str]) -> str:
    """The first of such names that is not taken."""
    there = set(taken)
    names = (name_beside(name, kind, stamp, number) for number in range(1, 100))
    return next(each for each in names if each not in there)


def parse_beside(name: str, found: str) -> Optional[Beside]:
    """What an upgrade made beside the database ``name``; None for all other databases."""
    start = _start(name)
    match = _SUFFIX.fullmatch(found[len(start) :]) if found.startswith(start) else None
    return Beside(found, match.group(1), match.group(2)) if match else None


def choose_old(name: str, found: Iterable[str], *, keep: int, stamp: str) -> List[str]:
    """Which to drop: all but the newest ``keep`` of a kind, never one of this upgrade's.

    Half-made ones of earlier upgrades are of no use to anybody.
    """
    beside = [each for each in (parse_beside(name, one) for one in found) if each]
    others = [each for each in beside if each.stamp != stamp]
    old = [each.name for each in others if each.kind in _HALF]
    for kind in (BEFORE, FAILED):
        stamps = sorted({each.stamp for each in beside if each.kind == kind}, reverse=True)
        kept = {*stamps[:keep], stamp}
        old += [each.name for each in others if each.kind == kind and each.stamp not in kept]
    return sorted(old)


def _start(name: str) -> str:
    room = _LONGEST_BYTES - _LONGEST_SUFFIX
    return name.encode()[:room].decode("utf-8", "ignore")
