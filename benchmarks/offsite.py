"""``python -m benchmarks.offsite``: uploads beside a raw client, backups beside stock restic.

Every figure is the median of runs in turn, on the same server, directly and over a line with a
round trip of 40 ms.  Fails if an upload is slower than 0.9 of the raw one, or a backup of many
small documents, new or unchanged, not 1.5 times as fast as restic's.
"""

import argparse
import contextlib
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from benchmarks import offsite_s3, offsite_sftp
from benchmarks.datasets import prepare_data
from benchmarks.machine import read_facts
from benchmarks.measure import measure, warm
from benchmarks.options import CACHE, choices
from benchmarks.report import render_facts
from benchmarks.tools import PASSWORD, Tool, find_ours, find_restic
from lpse_ops.cli.output import render_table
from tests.lab.delayproxy import open_delay_proxy

PACK_BYTES = 16 << 20
UPLOAD_MUST = 0.9
BACKUP_MUST = 1.5
_ROUND_TRIPS_MS = (0, 40)
_PARTS = ("upload", "backup")
_UPLOADS_A_RUN = 2


class Place(Protocol):
    """A server that holds repositories; ``port`` is its own or that of a line to it."""

    name: str
    raw_tool: str

    @property
    def port(self) -> int: ...

    @property
    def environment(self) -> dict[str, str]: ...

    def location(self, port: int, name: str) -> str: ...

    def upload_raw(self, port: int, packs: Sequence[bytes], name: str) -> None: ...

    def upload_ours(self, port: int, packs: Sequence[bytes], name: str) -> None: ...

    def clear(self, name: str) -> None: ...


# One line for each kind of place.
PLACES: dict[str, Callable[[Path], AbstractContextManager[Place]]] = {
    "s3": offsite_s3.open_place,
    "sftp": offsite_sftp.open_place,
}


@dataclass
class Pair:
    """Ours beside another, in seconds; ``must`` is the least that theirs / ours may be."""

    what: str
    other: str
    must: float
    ours: list[float] = field(default_factory=list)
    theirs: list[float] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        return statistics.median(self.theirs) / statistics.median(self.ours)


def compare_uploads(place: Place, port: int, label: str, count: int, runs: int) -> Pair:
    pair = Pair(f"{place.name} upload {label}", place.raw_tool, UPLOAD_MUST)
    # They are short, and a disk has its moments.
    for number in range(_UPLOADS_A_RUN * runs):
        # New bytes each time: no server shall know them already.
        packs = [os.urandom(PACK_BYTES) for _ in range(count)]
        sides = [(place.upload_ours, pair.ours), (place.upload_raw, pair.theirs)]
        for upload, seconds in sides[:: -1 if number % 2 else 1]:
            begin = time.perf_counter()
            upload(port, packs, f"upload{number}")
            seconds.append(time.perf_counter() - begin)
        for name in (f"upload{number}", "raw"):
            place.clear(name)
    return pair


class Backups:
    """First and unchanged backups of one folder by both tools."""

    def __init__(self, scratch: Path, data: Path) -> None:
        self._scratch = scratch
        self._data = data
        self._password_file = scratch / "password"
        self._password_file.touch(0o600)
        self._password_file.write_text(PASSWORD)
        self._tools = (find_ours(), find_restic())

    def compare(self, place: Place, port: int, label: str, runs: int) -> list[Pair]:
        pairs = {
            operation: Pair(f"{place.name} {operation} {label}", "restic", BACKUP_MUST)
            for operation in ("first-backup", "unchanged")
        }
        for number in range(runs):
            for tool in self._tools[:: -1 if number % 2 else 1]:
                name = f"{tool.name}{number}"
                self._run(tool, "init", place, port, name)
                for operation, pair in pairs.items():
                    seconds = pair.ours if tool is self._tools[0] else pair.theirs
                    seconds.append(self._run(tool, operation, place, port, name))
                if number == 0:
                    self._run(self._tools[1], "check-read-data", place, place.port, name)
                place.clear(name)
        return list(pairs.values())

    def _run(self, tool: Tool, operation: str, place: Place, port: int, name: str) -> float:
        location = place.location(port, name)
        variables = tool.environment(self._scratch / "repo", self._password_file)
        environment = {**variables, tool.variables[0]: location, **place.environment}
        argv = tool.argv(operation, data=self._data, target=self._scratch)
        warm(self._data)
        return measure(argv, environment, self._scratch / f"{tool.name}.log").seconds


def main() -> int:
    options = _parse_options(sys.argv[1:])
    options.cache.mkdir(parents=True, exist_ok=True)
    pairs: list[Pair] = []
    with tempfile.TemporaryDirectory(prefix="offsite-", dir=options.cache) as folder:
        scratch = Path(folder)
        print(render_facts(read_facts(scratch)), flush=True)
        backups = Backups(scratch, prepare_data(options.cache, "small", options.scale))
        for name in options.places:
            with PLACES[name](scratch) as place:
                for label, port in _lines(place):
                    for pair in _compare(options, backups, place, port, label):
                        pairs.append(pair)
                        print(f"{pair.what}: {pair.ratio:.2f}", file=sys.stderr, flush=True)
    print(_render(pairs))
    short = [each for each in pairs if each.ratio < each.must]
    for each in short:
        print(f"NOT REACHED: {each.what}: {each.ratio:.2f} < {each.must}")
    return 1 if short else 0


def _compare(
    options: argparse.Namespace, backups: Backups, place: Place, port: int, label: str
) -> Iterator[Pair]:
    if "upload" in options.only:
        yield compare_uploads(place, port, label, options.packs, options.runs)
    if "backup" in options.only:
        yield from backups.compare(place, port, label, options.runs)


def _lines(place: Place) -> Iterator[tuple[str, int]]:
    for round_trip in _ROUND_TRIPS_MS:
        with contextlib.ExitStack() as line:
            port = place.port
            if round_trip:
                proxy = open_delay_proxy("127.0.0.1", port, delay_ms=round_trip / 2)
                port = line.enter_context(proxy).port
            yield f"{round_trip} ms", port


def _render(pairs: Sequence[Pair]) -> str:
    header = ("what", "beside", "ours", "theirs", "theirs/ours", "must be")
    rows = [
        (
            pair.what,
            pair.other,
            f"{statistics.median(pair.ours):.2f} s",
            f"{statistics.median(pair.theirs):.2f} s",
            f"{pair.ratio:.2f}",
            f"{pair.must:.1f}",
        )
        for pair in pairs
    ]
    return render_table(header, rows, right=header[2:])


def _parse_options(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.offsite", description=__doc__)
    parser.add_argument(
        "--runs",
        type=int,
        default=3,
        help="timed runs of each backup, twice as many of each upload (3)",
    )
    parser.add_argument("--packs", type=int, default=16, help="packs of 16 MiB to upload (16)")
    parser.add_argument("--scale", type=float, default=1.0, help="share of 100 000 files (1)")
    parser.add_argument("--places", type=choices(tuple(PLACES)), default=tuple(PLACES),
                        metavar="A,B", help=f"of {', '.join(PLACES)}")  # fmt: skip
    parser.add_argument("--only", type=choices(_PARTS), default=_PARTS, metavar="A,B",
                        help=f"of {', '.join(_PARTS)}")  # fmt: skip
    parser.add_argument("--cache", type=Path, default=CACHE, help=f"data and work ({CACHE})")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
