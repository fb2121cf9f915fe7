"""Checks of room on disks: what an upgrade needs is added up for each file system."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lpse_ops.spse.preflightcheck import (
    Asked,
    Check,
    critical,
    ok,
    show_bytes,
    skipped,
    unknown,
    warning,
)
from lpse_ops.spse.preflightfacts import Facts

_MIB = 1 << 20
_LARGE = ("database", "documents")
_WHATEVER = "free some, or add a disk: du -xh --max-depth=2 / | sort -h | tail"


@dataclass(frozen=True)
class _Room:
    """The room of one file system, and for what it is needed."""

    device: str
    purposes: tuple[str, ...]
    path: str
    free: int
    total: int
    inodes: int
    free_inodes: int
    is_read_only: bool


def judge_rooms(facts: Facts, asked: Asked) -> Iterator[Check]:
    side = facts.inner("rooms")
    if side.trouble:
        yield unknown("disk", side.trouble)
        return
    rooms = list(_find_rooms(side))
    for part in side.parts("found"):
        if part.trouble or part.count("free_bytes") is None:
            why = part.trouble or "its room is not told"
            yield unknown(f"disk-{part.text('purpose')}", f"{part.text('path')}: {why}")
    needs = _package_needs(asked)
    point, needed = _judge_rollback_point(facts, rooms, needs, asked)
    yield from point
    for purpose, size in needed.items():
        needs[purpose] = needs.get(purpose, 0) + size
    for room in rooms:
        yield _judge_room(room, needs, asked)
        yield from _judge_inodes(room, asked)


def _find_rooms(side: Facts) -> Iterator[_Room]:
    by_device: dict[str, list[Facts]] = {}
    for part in side.parts("found"):
        if not part.trouble and part.count("free_bytes") is not None:
            by_device.setdefault(part.text("device"), []).append(part)
    for device, parts in by_device.items():
        first = parts[0]
        yield _Room(
            device,
            tuple(part.text("purpose") for part in parts),
            first.text("path"),
            first.count("free_bytes") or 0,
            first.count("total_bytes") or 0,
            first.count("inodes") or 0,
            first.count("free_inodes") or 0,
            first.flag("is_read_only") is True,
        )


def _package_needs(asked: Asked) -> dict[str, int]:
    """The archive is copied to the host and unpacked there, below the same folder."""
    package = asked.package
    if package is None:
        return {}
    unpacked = package.unpacked_bytes
    if unpacked is None:
        unpacked = package.size_bytes * asked.thresholds.unpacked_factor
    return {"releases": package.size_bytes + unpacked}


def _judge_rollback_point(
    facts: Facts, rooms: list[_Room], needs: Mapping[str, int], asked: Asked
) -> tuple[list[Check], dict[str, int]]:
    """The way back that there is room for, as the step runner will choose, and what it takes."""
    id = "rollback-point"  # noqa: A001
    if not asked.is_upgrade:
        return [skipped(id, "nothing to go back to")], {}
    size = facts.inner("database").inner("database").count("size_bytes")
    if size is None:
        return [unknown(id, "the size of the database is not known")], {}
    site = facts.inner("site")
    reserve = (site.count("reserve_mib") or 0) * _MIB
    clone = int(size * asked.thresholds.clone_margin) + reserve
    wanted = site.text("rollback_point")
    shown = f"database {show_bytes(size)}"
    if wanted != "dump" and _fits("database", clone, rooms, needs):
        return [ok(id, f"{shown}: a clone, which takes {show_bytes(clone)}")], {"database": clone}
    if wanted != "clone" and _fits("dumps", size, rooms, needs):
        value = f"{shown}: no room for a clone ({show_bytes(clone)}), but for a dump"
        if wanted == "dump":
            return [ok(id, f"{shown}: a dump, as site.json says")], {"dumps": size}
        advice = "the way back takes as long as pg_restore; room for a clone makes it seconds"
        return [warning(id, value, advice)], {"dumps": size}
    value = f"{shown}: room neither for a clone ({show_bytes(clone)}) nor for a dump"
    return [critical(id, value, "free room beside the database; see the lines of disk")], {}


def _fits(purpose: str, size: int, rooms: list[_Room], needs: Mapping[str, int]) -> bool:
    room = next((each for each in rooms if purpose in each.purposes), None)
    if room is None:
        return False
    others = sum(needs.get(each, 0) for each in room.purposes)
    return room.free >= size + others


def _judge_room(room: _Room, needs: Mapping[str, int], asked: Asked) -> Check:
    limits = asked.thresholds
    needed = sum(needs.get(purpose, 0) for purpose in room.purposes)
    is_large = any(purpose in _LARGE for purpose in room.purposes)
    least = limits.disk_least_bytes if is_large else limits.small_disk_least_bytes
    id = f"disk-{room.purposes[0]}"  # noqa: A001
    value = f"{room.path}: {show_bytes(room.free)} free of {show_bytes(room.total)}"
    value += f" for {', '.join(room.purposes)}"
    if needed:
        value += f"; {show_bytes(needed)} needed"
    if room.is_read_only:
        advice = "the kernel makes it so after errors: dmesg; fsck, before anything else"
        return critical(id, f"{room.path} is mounted read-only", advice)
    if room.free < needed or room.free < least:
        return critical(id, value, _WHATEVER)
    is_full = room.total and room.free < room.total * (1 - limits.disk_used)
    if is_full or room.free < needed + least:
        return warning(id, value, _WHATEVER)
    return ok(id, value)


def _judge_inodes(room: _Room, asked: Asked) -> Iterator[Check]:
    limits = asked.thresholds
    # Some file systems make them as they need them, and say 0.
    used = 1 - room.free_inodes / room.inodes if room.inodes else 0
    value = f"{room.path}: {used:.0%} of the inodes are used"
    advice = "many small files: find which folder holds them, du --inodes -x / | sort -n | tail"
    if used > limits.inodes_used_critical:
        yield critical(f"inodes-{room.purposes[0]}", value, advice)
    elif used > limits.inodes_used_warning:
        yield warning(f"inodes-{room.purposes[0]}", value, advice)
