"""Archives with random damage: either refused or read, and never anything else."""

import gzip
import random
from collections import Counter
from pathlib import Path

import pytest
import zstandard

from lpse_ops.errors import PackageRefused
from lpse_ops.spse.package import open_package
from tests.spse.archives import (
    NEW_LAYOUT,
    Zipped,
    application,
    deflated,
    good_zip,
    hard_link,
    link,
    pax,
    record,
    tar,
    write,
)

ROUNDS = 400
SMALL = {path: each[:20] for path, each in NEW_LAYOUT.items()}
MEMBERS = [
    *application(layout=SMALL),
    pax(record("path", "spse/" + "p" * 120)),
    link("spse/x", "lib/driver.jar"),
    hard_link("spse/y", "spse/spse4"),
]
SEEDS = {
    "tar": tar(MEMBERS),
    "tar.gz": gzip.compress(tar(MEMBERS), mtime=0),
    "tar.zst": zstandard.compress(tar(MEMBERS)),
    "zip": good_zip(
        Zipped(b"spse/x", b"spse4", mode=0o120777), deflated(b"spse/z", b"abc" * 30, maker=0)
    ),
}


def damage(content: bytes, draw: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(draw.randrange(1, 4)):
        changed = changed or bytearray(b"x")
        at = draw.randrange(len(changed))
        kind = draw.randrange(5)
        if kind == 0:
            changed[at] ^= 1 << draw.randrange(8)
        elif kind == 1:
            changed[at : at + 4] = draw.choice([b"\xff" * 4, bytes(4), b"\x7f\xff\xff\xff"])
        elif kind == 2:
            del changed[at : at + draw.randrange(1, 600)]
        elif kind == 3:
            changed[at:at] = changed[: draw.randrange(1, 600)]
        else:
            changed[at] = draw.randrange(256)
    return bytes(changed)


def with_checksum(content: bytes, draw: random.Random) -> bytes:
    """Damage one header of a tar and make its checksum right again, so that more is reached."""
    changed = bytearray(content)
    headers = [at for at in range(0, len(changed), 512) if changed[at + 257 : at + 262] == b"ustar"]
    at = draw.choice(headers)
    for _ in range(draw.randrange(1, 3)):
        place = draw.choice([*range(148), *range(156, 265), *range(345, 500)])
        changed[at + place] = draw.choice([0, 0x20, 0x2F, 0x2E, 0x30, 0x37, 0x80, 0xFF, 0x41])
    changed[at + 148 : at + 156] = b" " * 8
    checksum = sum(changed[at : at + 512])
    changed[at + 148 : at + 156] = b"%06o\0 " % checksum
    return bytes(changed)


@pytest.mark.parametrize("kind", [*SEEDS, "headers"])
def test_damage_is_refused_or_harmless(tmp_path: Path, kind: str):
    draw = random.Random(f"damage {kind}")
    ends: Counter[bool] = Counter()
    for _ in range(ROUNDS):
        if kind == "headers":
            content = with_checksum(SEEDS["tar"], draw)
        else:
            content = damage(SEEDS[kind], draw)
        path = write(tmp_path, content)
        with open_package(path) as package:
            try:
                inspected = package.inspect()
            except PackageRefused as refused:
                ends[refused.message.isprintable()] += 1
            else:
                assert all(".." not in each.path.split("/") for each in inspected.entries)
                package.unpack(inspected)
    assert not ends[False]
    assert ends[True] > ROUNDS / 10
