"""Hostile archives, each built by hand: refused in one line that says why."""

import gzip
import io
import lzma
import os
import struct
import tarfile
import time
from pathlib import Path

import pytest
import zstandard

from lpse_ops.errors import PackageRefused
from lpse_ops.spse.package import open_package
from lpse_ops.spse.packagelimits import Limits
from tests.spse.archives import (
    NEW_LAYOUT,
    Zipped,
    application,
    build_zip,
    deflated,
    folder,
    good_tar,
    good_zip,
    hard_link,
    header,
    link,
    pax,
    record,
    tar,
    write,
    zipped_application,
)

GNU = tarfile.GNU_FORMAT
GLOBAL = tarfile.XGLTYPE
DEVICE = {"type": tarfile.CHRTYPE, "devmajor": 1, "devminor": 3}
# What reaches outside, whatever kind of archive it is in: name -> what is said of it.
NAMES = {
    b"/etc/cron.d/x": "is an absolute path",
    b"spse/../../etc/x": "leads out of its folder with '..'",
    b"..": "leads out of its folder with '..'",
    b"spse/..": "leads out of its folder with '..'",
    b"spse//x": "holds an empty part or '.'",
    b"spse/./x": "holds an empty part or '.'",
    b"spse/a\\..\\b": "holds a backslash",
    b"C:\\x": "holds a backslash",
    b"spse/\xff\xfe": "is not UTF-8",
    b"spse/\xc0\xae\xc0\xae/x": "is not UTF-8",
    b"spse/a\nb": "holds a control character",
    b"spse/\x1b[2J": "holds a control character",
    "spse/\u202egpj.exe".encode(): "holds a control character",
    b"spse/" + b"d/" * 45 + b"x": "is nested deeper than 40 folders",
    b"spse/" + b"n" * 256: "holds a part longer than 255 bytes",
    b"spse/" + b"/".join([b"n" * 200] * 6): "is longer than 1000 bytes",
    b"SPSE/spse4": "differs from 'spse' only in the case of letters",
    b"spse/Spse4": "differs from 'spse/spse4' only in the case of letters",
    b"spse/spse4": "is there twice",
    b"./spse/spse4": "is there twice",
    b"spse/spse4/x": "is a file, and there are names below it",
    b"spse/lib": "is a file, and there are names below it",
}
BAD_TARS = {
    "device": (good_tar(header("spse/null", **DEVICE)), "'spse/null' is a device"),
    "block device": (good_tar(header("spse/sda", type=tarfile.BLKTYPE)), "is a device"),
    "fifo": (good_tar(header("spse/p", type=tarfile.FIFOTYPE)), "is a pipe (fifo)"),
    "other kind": (good_tar(header("spse/x", type=b"7")), "of a kind that no package needs"),
    "sparse": (good_tar(header("spse/x", type=tarfile.GNUTYPE_SPARSE)), "is a sparse file"),
    "setuid": (good_tar(header("spse/x", mode=0o4755)), "has a set-user-id or set-group-id bit"),
    "setgid": (good_tar(header("spse/x", mode=0o2755)), "has a set-user-id or set-group-id bit"),
    "content of a folder": (
        good_tar(header("spse/x", b"x", type=tarfile.DIRTYPE)),
        "is a folder that has content",
    ),
    "content of a link": (
        good_tar(header("spse/x", b"x", type=tarfile.SYMTYPE, linkname="spse4")),
        "is a link that has content",
    ),
    "file named as a folder": (good_tar(header("spse/x/")), "file with the name of a folder"),
    "file without a name": (good_tar(header(".")), "it holds a file without a name"),
    "negative size": (
        tar([header("spse/x", size=-5)], GNU),
        "has a size below zero",
    ),
    "absolute link": (good_tar(link("spse/x", "/etc")), "is a link to the absolute path '/etc'"),
    "link out": (good_tar(link("spse/x", "../../etc")), "is a link that leads out: '../../etc'"),
    "link out of the application": (
        good_tar(header("rahasia"), link("spse/x", "../rahasia")),
        "is a link that leads out: '../rahasia'",
    ),
    "link out by a detour": (
        good_tar(link("spse/x", "lib/../../../etc")),
        "is a link that leads out",
    ),
    "link through a link": (
        good_tar(link("spse/a", "lib"), link("spse/b", "a/../..")),
        "is a link that leads through another link",
    ),
    "link to nothing": (good_tar(link("spse/x", "logs")), "is a link to nothing in the package"),
    "link to itself": (good_tar(link("spse/x", "x")), "is a link to nothing in the package"),
    "empty link": (good_tar(link("spse/x", "")), "a target that no file can have"),
    "link with a control character": (
        good_tar(link("spse/x", "a\tb")),
        "a target that no file can have",
    ),
    "link of other bytes": (tar([link("spse/x", "\udcff")], GNU), "whose target is not UTF-8"),
    "file below a link": (
        good_tar(link("spse/x", "lib"), header("spse/x/y")),
        "'spse/x' is a link, and there are names below it",
    ),
    "link in the place of a folder": (
        good_tar(link("spse/lib", "/etc")),
        "is a link, and there are names below it",
    ),
    "hard link out": (
        good_tar(header("rahasia"), hard_link("spse/x", "rahasia")),
        "is a hard link that leads out: 'rahasia'",
    ),
    "hard link to a path outside": (
        good_tar(hard_link("spse/x", "/etc/shadow")),
        "'/etc/shadow' is an absolute path",
    ),
    "hard link to nothing": (good_tar(hard_link("spse/x", "spse/y")), "hard link that leads out"),
    "hard link to a link": (
        good_tar(link("spse/a", "lib"), hard_link("spse/x", "spse/a")),
        "is a hard link to a link",
    ),
    "pax gives another name": (
        tar([*application(), pax(record("path", "../x")), header("spse/x")]),
        "leads out of its folder",
    ),
    "pax gives another target": (
        tar([*application(), pax(record("linkpath", "/etc")), link("spse/x", "lib")]),
        "absolute path '/etc'",
    ),
    "pax gives a size that is none": (
        tar([*application(), pax(record("size", "-1")), header("spse/x")]),
        "has a size that is no number",
    ),
    "pax says it twice": (
        tar([*application(), pax(record("path", "a") * 2), header("spse/x")]),
        "'path' is in one pax header twice",
    ),
    "two pax headers": (
        tar([*application(), *[pax(record("path", "a"))] * 2, header("spse/x")]),
        "'path' is said twice of one member",
    ),
    "pax for all": (
        tar([pax(record("path", "a"), GLOBAL), *application()]),
        "'path' is a pax record that no package needs",
    ),
    "pax of a sparse file": (
        tar([*application(), pax(record("GNU.sparse.size", "9")), header("spse/x")]),
        "is a pax record that no package needs",
    ),
    "damaged pax": (tar([*application(), pax(b"99 path=x\n")]), "it holds a damaged pax header"),
    "pax without a number": (tar([pax(b"path=x\n")]), "it holds a damaged pax header"),
    "endless pax": (tar([pax(b"x" * 70_000)]), "it holds a header of 70000 bytes"),
    "pax of nothing": (
        tar([*application(), pax(record("path", "a"))]),
        "a member that is not there",
    ),
    "long name out": (
        tar([*application(), header("spse/" + "../" * 60 + "etc/x")], GNU),
        "leads out of its folder",
    ),
    "second archive behind": (good_tar() + good_tar(), "it hides data behind the end"),
    "zeros without end": (good_tar() + bytes(2 << 20), "it goes on with zeros behind its end"),
    "cut off": (good_tar()[:-1024], "it is cut off"),
    "cut in a member": (good_tar()[:1700], "it is cut off"),
    "bytes between members": (
        good_tar()[:600] + b"x" + good_tar()[601:],
        "it hides bytes between two members",
    ),
    "damaged header": (
        good_tar().replace(b"spse/conf", b"spse/conF"),
        "it holds a header that is none",
    ),
    "second member behind gzip": (
        gzip.compress(good_tar()) + gzip.compress(b"x"),
        "bytes follow the end of its compressed data",
    ),
    "zip behind gzip": (gzip.compress(good_tar()) + good_zip(), "bytes follow the end"),
    "comment in gzip": (
        b"\x1f\x8b\x08\x10" + bytes(6) + b"PK\3\4...\0" + gzip.compress(good_tar())[10:],
        "its gzip header holds more than a name",
    ),
    "endless name in gzip": (
        b"\x1f\x8b\x08\x08" + bytes(6) + b"x" * 300 + b"\0" + gzip.compress(good_tar())[10:],
        "its gzip header holds more than a name",
    ),
    "huge configuration": (
        tar([*application(layout={**NEW_LAYOUT, "conf/application.conf": bytes(2 << 20)})]),
        "'spse/conf/application.conf' is larger than 1048576 bytes",
    ),
    "behind xz": (lzma.compress(good_tar()) + b"x", "1 bytes follow the end"),
    "behind zstd": (zstandard.compress(good_tar()) + bytes(3), "3 bytes follow the end"),
    "skippable frame": (
        b"\x28\xb5\x2f\xfd" + struct.pack("<I", 4) + b"data",
        "its compressed data is ",
    ),
    "cut gzip": (gzip.compress(good_tar())[:-9], "its compressed data is cut off"),
    "cut xz": (lzma.compress(good_tar())[:-20], "its compressed data is cut off"),
    "cut zstd": (zstandard.compress(good_tar())[:-20], "its compressed data is cut off"),
    "damaged gzip": (
        gzip.compress(good_tar())[:-8] + bytes(8),
        "its compressed data is damaged",
    ),
    "damaged xz": (lzma.compress(good_tar())[:60] + bytes(60), "its compressed data is damaged"),
    "hungry xz": (
        lzma.compress(good_tar(), filters=[{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 29}]),
        "its compressed data is damaged",
    ),
    "text": (b"#!/bin/sh\n", "it is none of zip, tar, tar.gz, tar.xz, tar.zst"),
    "empty": (b"", "it is none of zip"),
    "rar": (b"Rar!\x1a\x07\x00" + bytes(400), "it is none of zip"),
}
UNICODE_PATH = struct.pack("<HHBI", 0x7075, 14, 1, 0) + b"../../etc"
BAD_ZIPS = {
    "device": (good_zip(Zipped(b"spse/x", mode=0o020644)), "is a device, a pipe or a socket"),
    "setuid": (good_zip(Zipped(b"spse/x", mode=0o104755)), "has a set-user-id"),
    "encrypted": (good_zip(Zipped(b"spse/x", flags=0x801)), "'spse/x' is encrypted"),
    "strongly encrypted": (
        good_zip(Zipped(b"spse/x", flags=0x840)),
        "has flags that are not taken",
    ),
    "bzip2": (good_zip(Zipped(b"spse/x", method=12)), "is compressed by method 12"),
    "content of a folder": (
        good_zip(Zipped(b"spse/x/", b"x", mode=0o040755)),
        "is a folder that has content",
    ),
    "folder named as a file": (good_zip(Zipped(b"spse/x", mode=0o040755)), "but not by both"),
    "file named as a folder": (good_zip(Zipped(b"spse/x/", mode=0o100644)), "but not by both"),
    "DOS folder named as a file": (good_zip(Zipped(b"spse/x", maker=0, dos=0x10)), "not by both"),
    "link out": (good_zip(Zipped(b"spse/x", b"../../etc", mode=0o120777)), "that leads out"),
    "absolute link": (
        good_zip(deflated(b"spse/x", b"/etc", mode=0o120777)),
        "absolute path '/etc'",
    ),
    "long link": (
        good_zip(Zipped(b"spse/x", b"a" * 1001, mode=0o120777)),
        "a target that no file can have",
    ),
    "extra inside only": (
        good_zip(Zipped(b"spse/x", local={"extra": UNICODE_PATH})),
        "gives another name or size",
    ),
    "link of other bytes": (
        good_zip(Zipped(b"spse/x", b"\xff", mode=0o120777)),
        "whose target is not UTF-8",
    ),
    "other name inside": (
        good_zip(Zipped(b"spse/x", local={"name": b"../..x"})),
        "has another name in its own header",
    ),
    "other method inside": (
        good_zip(Zipped(b"spse/x", local={"method": 8})),
        "has two headers that disagree",
    ),
    "other size inside": (
        good_zip(Zipped(b"spse/x", b"abc", local={"size": 2})),
        "has two headers that disagree",
    ),
    "no header inside": (
        b"PK\3\4".join([b"", good_zip()[4:].replace(b"PK\3\4", b"PK\3\5", 1)]),
        "has no header of its own",
    ),
    "more than it says": (
        good_zip(deflated(b"spse/x", b"a" * 5000, size=10)),
        "unpacks to more than it says",
    ),
    "less than it says": (
        good_zip(deflated(b"spse/x", b"abc", size=10)),
        "is not of the size and checksum that it says",
    ),
    "other checksum": (
        good_zip(Zipped(b"spse/x", b"isi dari berkas")).replace(b"isi dari", b"isi dati"),
        "is not of the size and checksum",
    ),
    "bytes behind an entry": (
        good_zip(Zipped(b"spse/x", b"abc", behind=b"hidden")),
        "is followed by data of no entry",
    ),
    "bytes behind deflated data": (
        good_zip(deflated(b"spse/x", b"abc", tail=b"hidden")),
        "hides bytes behind its compressed data",
    ),
    "bytes behind stored data": (
        good_zip(Zipped(b"spse/x", b"abc", tail=b"hidden")),
        "unpacks to more than it says",
    ),
    "nothing but hidden data": (build_zip([], between=b"PK\3\4..."), "data is hidden before"),
    "a descriptor that nobody announced": (
        good_zip(Zipped(b"spse/x", b"abc", behind=b"x" * 12)),
        "is followed by data of no entry",
    ),
    "a descriptor that disagrees": (
        good_zip(Zipped(b"spse/x", b"abc", flags=0x808, behind=b"x" * 12)),
        "or by sizes that disagree",
    ),
    "prefixed": (b"PK\3\4" + b"#!/bin/sh\n" + good_zip(), "data is hidden before it"),
    "archive before the directory": (good_zip(between=good_tar()), "data of no entry"),
    "second archive behind": (good_zip() + good_tar(), "its end record is followed by other data"),
    "second zip behind": (good_zip() + good_zip(), "data is hidden before it"),
    "archive in the comment": (good_zip(comment=b"PK\3\4..."), "its comment hides another archive"),
    "bytes before the first": (
        build_zip([Zipped(b"spse/x", before=b"PK\3\4...."), *zipped_application()]),
        "has data of no entry before it, or shares bytes",
    ),
    "unicode path": (good_zip(Zipped(b"spse/x", extra=UNICODE_PATH)), "gives another name or size"),
    "zip64 field": (
        good_zip(Zipped(b"spse/x", extra=struct.pack("<HHQ", 1, 8, 1))),
        "gives another name or size",
    ),
    "much extra": (
        good_zip(Zipped(b"spse/x", extra=struct.pack("<HH", 0x9999, 2000) + bytes(2000))),
        "has more than 1500 bytes of extra fields",
    ),
    "damaged extra": (good_zip(Zipped(b"spse/x", extra=b"abc")), "has a damaged extra field"),
    "cut off": (good_zip()[:-5], "is a ZIP archive without an end"),
    "without an end": (good_zip()[:-100], "it is a ZIP archive without an end, or cut off"),
    "empty": (build_zip([]), "it holds no SPSE 4"),
    "damaged data": (
        good_zip(Zipped(b"spse/x", b"\xff" * 25, local={"method": 8})),
        "",
    ),
}


def refuse(folder: Path, content: bytes, limits: Limits | None = None) -> str:
    path = write(folder, content, "spse-4.5.bin")
    with pytest.raises(PackageRefused) as refused, open_package(path, limits) as package:
        package.inspect()
    message = refused.value.message.removeprefix(f"{path} is refused: ")
    assert message.isascii()
    assert message.isprintable()
    assert "sha256sum" in refused.value.hint
    return message


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_names_that_must_not_be_in_a_tar(tmp_path: Path, name: bytes):
    text = name.decode("utf-8", "surrogateescape")
    assert NAMES[name] in refuse(tmp_path, tar([*application(), header(text)], GNU))


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_names_that_must_not_be_in_a_zip(tmp_path: Path, name: bytes):
    assert NAMES[name] in refuse(tmp_path, good_zip(Zipped(name)))


@pytest.mark.parametrize("case", BAD_TARS)
def test_hostile_tar(tmp_path: Path, case: str):
    content, why = BAD_TARS[case]
    assert why in refuse(tmp_path, content)


@pytest.mark.parametrize("case", BAD_ZIPS)
def test_hostile_zip(tmp_path: Path, case: str):
    content, why = BAD_ZIPS[case]
    assert why in refuse(tmp_path, content)


def test_entries_that_share_bytes_are_refused(tmp_path: Path):
    """Two entries of the directory over one of the file: each byte would come out many times."""
    content = build_zip([deflated(b"spse/x", bytes(5000))])
    at = content.index(b"PK\1\2")
    end = content.index(b"PK\5\6")
    entry = content[at:end]
    fields = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 2, 2, 2 * len(entry), at, 0)
    assert "is followed by data of no entry, or shares bytes" in refuse(
        tmp_path, content[:at] + entry + entry.replace(b"spse/x", b"spse/y") + fields
    )


@pytest.mark.parametrize("disk", [0, 1])
def test_directories_that_lie_are_refused(tmp_path: Path, disk: int):
    content = good_zip()
    end = content.index(b"PK\5\6")
    count = content[end + 8 : end + 12]
    fewer = struct.pack("<2H", 3, 3)
    lying = content[: end + 8] + fewer + content[end + 12 :]
    assert "its directory holds more than it says" in refuse(tmp_path, lying)
    more = struct.pack("<2H", 9, 9)
    assert "its directory is" in refuse(tmp_path, content[: end + 8] + more + content[end + 12 :])
    split = content[: end + 4] + struct.pack("<2H", 1, 1) + count + content[end + 12 :]
    assert "it is one of several disks" in refuse(tmp_path, split)
    huge = content[: end + 8] + b"\xff" * 4 + content[end + 12 :]
    assert "it is a ZIP64 archive" in refuse(tmp_path, huge)


def test_a_directory_that_is_cut_or_zip64_is_refused(tmp_path: Path):
    content = good_zip()
    at = content.rindex(b"PK\1\2")
    longer = content[: at + 28] + b"\xff\x0f" + content[at + 30 :]
    assert "its directory is cut off" in refuse(tmp_path, longer)
    end = content.index(b"PK\5\6")
    size = struct.unpack_from("<I", content, end + 12)[0]
    commented = content[: at + 32] + b"\7\0" + content[at + 34 : end] + b"PK\3\4..."
    fields = content[end : end + 12] + struct.pack("<I", size + 7) + content[end + 16 :]
    assert "has a comment that hides another archive" in refuse(tmp_path, commented + fields)
    zip64 = content[: at + 20] + b"\xff" * 8 + content[at + 28 :]
    assert "is a ZIP64 entry" in refuse(tmp_path, zip64)


def test_a_huge_directory_is_not_read(tmp_path: Path):
    size = 70 << 20
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 9, 9, size - 22 - 4, 4, 0)
    assert "its directory is larger than" in refuse(tmp_path, b"PK\3\4" + bytes(size - 26) + end)


# --- bombs --------------------------------------------------------------------------------------


@pytest.mark.parametrize("compress", [gzip.compress, lzma.compress, zstandard.compress])
def test_a_bomb_is_stopped_while_it_is_read(tmp_path: Path, compress):
    """80 MiB of zeros in a few KB; the header tells their size honestly."""
    out = io.BytesIO()
    info = header("spse/bom")[0]
    info.size = 80 << 20
    out.write(tar(application())[:-1024] + info.tobuf())
    packed = compress(out.getvalue() + bytes(info.size) + bytes(1024))
    started = time.monotonic()
    assert "unpacks the archive to more than 100 times" in refuse(tmp_path, packed)
    assert time.monotonic() - started < 1


def test_a_bomb_that_lies_of_its_size_is_stopped(tmp_path: Path):
    bomb = good_zip(deflated(b"spse/bom", bytes(100 << 20), size=1000))
    assert "unpacks to more than it says" in refuse(tmp_path, bomb)


@pytest.mark.parametrize(
    ("limits", "why"),
    [
        (Limits(entry_bytes=5000), "'spse/framework/play-lkpp.jar' is larger than 5000 bytes"),
        (Limits(total_bytes=11_000), "unpacks it to more than 11000 bytes"),
        (Limits(unjudged_bytes=100, ratio=0), "unpacks the archive to more than 0 times"),
        (Limits(entries=5), "it holds more than 5 names"),
    ],
)
def test_limits(tmp_path: Path, limits: Limits, why: str):
    assert why in refuse(tmp_path, good_tar(), limits)
    assert why in refuse(tmp_path, good_zip(), limits)


def test_many_small_files_are_counted_with_the_folders_they_imply(tmp_path: Path):
    deep = header("spse/" + "/".join(map(str, range(30))) + "/x")
    assert "more than 20 names" in refuse(tmp_path, good_tar(deep), Limits(entries=20))


# --- no SPSE ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("members", "why"),
    [
        ([header("readme")], "it holds no SPSE 4"),
        ([m for m in application() if "spse4" not in m[0].name], "it holds no SPSE 4"),
        ([m for m in application() if "conf" not in m[0].name], "it holds no SPSE 4"),
        ([m for m in application() if "framework" not in m[0].name], "it holds no SPSE 4"),
        ([*application("a/b/c/d/")], "it holds no SPSE 4"),
        ([*application(), *application("spse2/")], "it holds more than one SPSE"),
        ([*application(), header("spse/webapp/conf/application.conf")], "at two places"),
        ([*application()[1:], folder("spse/spse4")], "it holds no SPSE 4"),
    ],
)
def test_what_is_no_spse_is_refused(tmp_path: Path, members, why: str):
    assert why in refuse(tmp_path, tar(members))


def test_nothing_was_ever_written(tmp_path: Path):
    """The inspection has no place to write to: nothing beside the archive is there after it."""
    refuse(tmp_path, good_tar(header("../jahat")))
    assert os.listdir(tmp_path) == ["spse-4.5.bin"]
    assert not (tmp_path.parent / "jahat").exists()
