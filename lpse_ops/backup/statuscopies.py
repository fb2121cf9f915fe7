"""Whether the copies are enough: the rule 3-2-1, of which the server's own data is one.

Two backups at least, one of them away from the server room (spec/domain.md a.1 Ps 27).  That one
is on other media than the server follows from it.
"""

from collections.abc import Iterator, Sequence

from lpse_ops.backup.statusverdict import DestinationStatus, Kind, Severity, Trouble


def find_too_few(destinations: Sequence[DestinationStatus]) -> Iterator[Trouble]:
    """What is missing; where no copy is at all, or one is just not filled yet, that is told."""
    held = [each for each in destinations if each.holds_copy]
    if not held:
        return
    if not any(each.is_off_site for each in held) and not _will_be_away(destinations):
        yield _nothing_away(held)
    if len(destinations) == 1:
        yield Trouble(Kind.ONE_COPY, Severity.WARNING)


def _will_be_away(destinations: Sequence[DestinationStatus]) -> bool:
    """Whether one that is elsewhere has nothing yet, which is a trouble of its own."""
    return any(each.is_off_site and each.newest is None for each in destinations)


def _nothing_away(held: Sequence[DestinationStatus]) -> Trouble:
    """With what can be done about it soonest; ``detail`` names the disk."""
    disks = [each for each in held if each.media == "disk"]
    for each in disks:
        if each.reachable is not True and not each.kept_at:
            return Trouble(Kind.DISK_SOMEWHERE, Severity.WARNING, detail=each.name)
    # With a single disk, somebody has to bring it back every day: another one is better.
    for each in disks:
        if each.reachable is True:
            return Trouble(Kind.DISK_HERE, Severity.WARNING, detail=each.name)
    return Trouble(Kind.NOT_AWAY, Severity.WARNING)
