"""The ``unarchive`` module beside ansible-core's, and archives that mean harm."""

import io
import os
import subprocess
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.agent.modules.trees import Make, also, folders, having, link, mode
from tests.agent.sidebyside import ALL, Case
from tests.agent.thishost import run_task

# One run of ansible-core's modules is for all the tests here.
pytestmark = pytest.mark.xdist_group("unarchive-module")

RUN = ("run",)
TWICE = ("run", "again")
# How the programs were called, and what they printed.
APART = frozenset({"extract_results", "diff", "size"})
TIME = 1_600_000_000
TAR = ["tar", "--sort=name", f"--mtime=@{TIME}", "--numeric-owner"]

TREE = also(
    folders("s/sub/empty", "d"),
    having(**{"s/one": "1\n", "s/sub/two words": "2\n", "s/sub/é": "3\n"}),
    link("s/link", "sub/two words"),
    link("s/dead", "/no/such"),
    mode("s/one", 0o751),
)


def packed(option: str, name: str = "a", *what: str) -> Make:
    """The tree, and an archive of it made by tar."""

    def make(root: Path) -> None:
        TREE(root)
        argv = [*TAR, "-c", *option.split(), "-f", name, *(what or ("s",))]
        subprocess.run(argv, cwd=root, check=True)

    return make


def zipped(*options: str) -> Make:
    def make(root: Path) -> None:
        TREE(root)
        # The real one cannot set the mode of a file with such a name.
        (root / "s/sub/é").unlink()
        for path in sorted((root / "s").rglob("*"), reverse=True):
            os.utime(path, (TIME, TIME), follow_symlinks=False)
        os.utime(root / "s", (TIME, TIME))
        argv = ["zip", "-qryX", *options, "../a", "."]
        subprocess.run(argv, cwd=root / "s", check=True)
        (root / "a.zip").rename(root / "a")

    return make


def unpack(name: str, make: Make, phases: Any = TWICE, **args: Any) -> Case:
    args = {"src": "ROOT/a", "dest": "ROOT/d", "remote_src": True, "list_files": True, **args}
    return Case(f"unarchive_{name}", "unarchive", args, make, phases, APART)


def refused(name: str, make: Make, **args: Any) -> Case:
    """The real one tells what six programs had to say."""
    return replace(unpack(name, make, RUN, **args), apart=APART | {"msg"})


def made_by(line: str) -> Make:
    return lambda root: subprocess.run(line, shell=True, cwd=root, check=True)


def then(make: Make, change: Callable[[Path], Any]) -> Make:
    """A tree into which the archive was unpacked before, and then something happened."""

    def made(root: Path) -> None:
        make(root)
        subprocess.run(["tar", "-xf", str(root / "a"), "-C", str(root / "d")], check=True)
        change(root / "d/s")

    return made


CASES = [
    unpack("gz", packed("-z")),
    unpack("plain", packed("")),
    unpack("bz2", packed("-j")),
    unpack("xz", packed("-J")),
    unpack("zst", packed("--zstd")),
    unpack("dotted", packed("-z", "a", "-C", "s", ".")),
    unpack("mode", packed("-z"), mode="0640", phases=RUN),
    unpack("mode_symbolic", packed("-z"), mode="u=rwX,g=rX,o="),
    unpack("owner", packed("-z"), owner="nobody", group="daemon"),
    unpack("dotted_owner", packed("-z", "a", "-C", "s", "."), owner="nobody"),
    unpack("top_owner", packed("-z", "a", "s/sub/é"), owner="nobody"),
    unpack("stripped", packed("-z"), extra_opts=["--strip-components=1"]),
    unpack("transformed", packed("-z"), extra_opts=["--transform", "s/^s/t/"]),
    unpack("exclude", packed("-z"), exclude=["s/one", "s/sub"]),
    unpack("exclude_pattern", packed("-z"), exclude=["*one"]),
    unpack("include", packed("-z"), include=["s/one"]),
    unpack("content_changed", then(packed("-z"), lambda top: (top / "one").write_text("9\n"))),
    unpack("mode_changed", then(packed("-z"), lambda top: (top / "one").chmod(0o600))),
    unpack("owner_changed", then(packed("-z"), lambda top: os.chown(top / "one", 1, 2))),
    unpack("removed", then(packed("-z"), lambda top: (top / "one").unlink())),
    unpack("more", then(packed("-z"), lambda top: (top / "more").write_text("x"))),
    refused("no_archive", also(folders("d"), having(a="text\n" * 200))),
    refused("gz_of_text", also(folders("d"), made_by("seq 999 | gzip > a"))),
    refused("truncated", also(packed("-z"), made_by("truncate -s 200 a"))),
    refused("empty_archive", also(folders("d"), made_by("tar -czf a -T /dev/null"))),
    refused("include_none", packed("-z"), include=["nothing"]),
    refused("no_dest", packed("-z"), dest="ROOT/none"),
    refused("dest_file", packed("-z"), dest="ROOT/s/one"),
    refused("zip_damaged", also(zipped(), made_by("truncate -s 200 a"))),
    unpack("empty_file", also(folders("d"), having(a="")), RUN),
    unpack("missing", folders("d"), RUN),
    unpack("zip", zipped(), ALL),
    unpack("zip_mode", zipped(), mode="0640", phases=RUN),
    unpack("zip_mode_symbolic", zipped(), ALL, mode="u=rwX,g=rX,o="),
    unpack("zip_owner", zipped(), ALL, owner="nobody", group="daemon"),
    unpack("zip_exclude", zipped(), ALL, exclude=["sub/*"]),
    unpack("zip_include", zipped(), ALL, include=["one"]),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_same_as_ansible(case, assert_as_ansible):
    assert_as_ansible(case)


def unarchive(folder: Path, *, check_mode: bool = False, **args: Any) -> dict[str, Any]:
    (folder / "d").mkdir(exist_ok=True)
    args = {"src": str(folder / "a"), "dest": str(folder / "d"), "remote_src": True, **args}
    return run_task("unarchive", args, folder, check_mode=check_mode)


def tar_of(folder: Path, *members: tarfile.TarInfo, content: bytes = b"x") -> None:
    with tarfile.open(folder / "a", "w:gz") as archive:
        for member in members:
            member.size = len(content) if member.isreg() else 0
            archive.addfile(member, io.BytesIO(content) if member.isreg() else None)


def member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mtime = kind, target, TIME
    return info


def zip_of(folder: Path, **entries: str) -> None:
    with zipfile.ZipFile(folder / "a", "w") as archive:
        for name, text in entries.items():
            archive.writestr(name, text)


HOSTILE = {
    "climbs": [member("../out")],
    "climbs inside": [member("a/../../out")],
    "through a link": [member("l", tarfile.SYMTYPE, ".."), member("l/out")],
    "through an absolute link": [member("l", tarfile.SYMTYPE, "/tmp"), member("l/out")],
    "through two links": [
        member("k", tarfile.SYMTYPE, ".."),
        member("l", tarfile.SYMTYPE, "k"),
        member("l/out"),
    ],
    "a link that moves": [
        member("l", tarfile.SYMTYPE, ".."),
        member("l/out"),
        member("l", tarfile.SYMTYPE, "first"),
    ],
    "the link comes last": [member("l/out"), member("l", tarfile.SYMTYPE, "..")],
    "in a circle": [
        member("k", tarfile.SYMTYPE, "l"),
        member("l", tarfile.SYMTYPE, "k"),
        member("l/out"),
    ],
    "hard link": [member("h", tarfile.LNKTYPE, "../secret")],
    "hard link through a link": [
        member("l", tarfile.SYMTYPE, ".."),
        member("h", tarfile.LNKTYPE, "l/secret"),
    ],
    "through a hard link to a link": [
        member("./l", tarfile.SYMTYPE, ".."),
        member("h", tarfile.LNKTYPE, "l"),
        member("h/out"),
    ],
    "device": [member("dev", tarfile.CHRTYPE)],
    "pipe": [member("pipe", tarfile.FIFOTYPE)],
}


@pytest.mark.parametrize("members", HOSTILE.values(), ids=HOSTILE.keys())
def test_an_archive_that_means_harm_is_refused_before_anything_is_written(members, tmp_path):
    (tmp_path / "secret").write_text("s")
    tar_of(tmp_path, member("first"), *members)
    result = unarchive(tmp_path)
    assert result["failed"]
    assert "refused to unpack" in result["msg"]
    assert list((tmp_path / "d").iterdir()) == []
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a", "d", "secret"]


def test_what_is_excluded_is_not_judged(tmp_path):
    tar_of(tmp_path, member("first"), member("dev", tarfile.CHRTYPE))
    assert unarchive(tmp_path, exclude=["dev"])["changed"]
    assert [each.name for each in (tmp_path / "d").iterdir()] == ["first"]


def test_an_absolute_name_stays_inside(tmp_path):
    tar_of(tmp_path, member("/etc/inside"), member("l", tarfile.SYMTYPE, "/etc/passwd"))
    assert unarchive(tmp_path)["changed"]
    assert (tmp_path / "d/etc/inside").read_text() == "x"
    assert not unarchive(tmp_path)["changed"]


def test_more_than_there_is_room_for_is_refused(tmp_path):
    huge = member("huge")
    huge.size = 1 << 50
    (tmp_path / "a").write_bytes(huge.tobuf() + b"\0" * 10240)
    result = unarchive(tmp_path)
    assert "are free in" in result["msg"]
    assert list((tmp_path / "d").iterdir()) == []


def test_a_header_that_would_fill_the_memory_is_refused(tmp_path):
    header = member("x", tarfile.XHDTYPE)
    header.size = 1 << 40
    (tmp_path / "a").write_bytes(header.tobuf(tarfile.GNU_FORMAT) + b"\0" * 10240)
    assert "a header of" in unarchive(tmp_path)["msg"]


@pytest.mark.parametrize(
    ("name", "system"), [("../out", 3), ("a/../../out", 3), ("w\\..\\..\\out", 0)]
)
def test_a_zip_that_climbs_is_refused(name, system, tmp_path):
    with zipfile.ZipFile(tmp_path / "a", "w") as archive:
        archive.writestr("first", "x")
        entry = zipfile.ZipInfo(name)
        entry.create_system = system
        archive.writestr(entry, "x")
    assert "refused to unpack" in unarchive(tmp_path)["msg"]
    assert list((tmp_path / "d").iterdir()) == []


@pytest.mark.parametrize("name", ["l", "./l", ".//l"])
def test_a_zip_with_a_way_out_is_refused(name, tmp_path):
    with zipfile.ZipFile(tmp_path / "a", "w") as archive:
        entry = zipfile.ZipInfo(name)
        entry.external_attr = 0o120777 << 16
        archive.writestr(entry, "..")
        archive.writestr("l/out", "x")
    assert "a link of the archive that leads out" in unarchive(tmp_path)["msg"]
    assert not (tmp_path / "out").exists()


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("again", ["l", "./l"])
def test_a_zip_with_a_link_that_moves_is_refused(again, tmp_path):
    with zipfile.ZipFile(tmp_path / "a", "w") as archive:
        for name, text in (("l", ".."), ("l/out", "x"), (again, "here")):
            entry = zipfile.ZipInfo(name)
            entry.external_attr = (0o100644 if "out" in name else 0o120777) << 16
            archive.writestr(entry, text)
    assert "refused to unpack" in unarchive(tmp_path)["msg"]
    assert not (tmp_path / "out").exists()


def test_a_folder_of_a_zip_that_is_a_link_here_gives_its_mode_to_nobody(tmp_path):
    (tmp_path / "outside").mkdir(mode=0o700)
    with zipfile.ZipFile(tmp_path / "a", "w") as archive:
        link, folder = zipfile.ZipInfo("l"), zipfile.ZipInfo("l/")
        link.external_attr, folder.external_attr = 0o120777 << 16, 0o40777 << 16
        archive.writestr(link, "../outside")
        archive.writestr(folder, "")
    unarchive(tmp_path)
    assert (tmp_path / "outside").stat().st_mode & 0o777 == 0o700


def test_a_zip_of_another_system_has_its_names_in_our_way(tmp_path):
    with zipfile.ZipFile(tmp_path / "a", "w") as archive:
        entry = zipfile.ZipInfo("folder\\file")
        entry.filename, entry.create_system = "folder\\file", 0
        archive.writestr(entry, "x")
    assert unarchive(tmp_path, list_files=True)["files"] == ["folder/file"]
    assert (tmp_path / "d/folder/file").read_text() == "x"
    assert not unarchive(tmp_path)["changed"]


def test_a_zip_made_by_zip_has_exact_times_and_names(tmp_path):
    (tmp_path / "é").write_text("x")
    os.utime(tmp_path / "é", (TIME + 1, TIME + 1))
    subprocess.run(["zip", "-q", "a.zip", "é"], cwd=tmp_path, check=True)
    (tmp_path / "a.zip").rename(tmp_path / "a")
    assert unarchive(tmp_path)["changed"]
    assert (tmp_path / "d/é").stat().st_mtime == TIME + 1
    assert not unarchive(tmp_path)["changed"]


def test_options_for_unzip_are_for_unzip(tmp_path):
    zip_of(tmp_path, **{"deep/one": "1", "deep/two": "2"})
    assert unarchive(tmp_path, extra_opts=["-j"], exclude=["*two"])["changed"]
    assert [each.name for each in (tmp_path / "d").iterdir()] == ["one"]


def test_a_damaged_entry_leaves_the_old_file(tmp_path):
    zip_of(tmp_path, one="a long text that is stored as it is")
    content = (tmp_path / "a").read_bytes()
    (tmp_path / "a").write_bytes(content.replace(b"a long text", b"a wrong one", 1))
    (tmp_path / "d").mkdir()
    (tmp_path / "d/one").write_text("old")
    result = unarchive(tmp_path)
    assert result["msg"].startswith("failed to unpack")
    assert "CRC" in result["extract_results"]["err"]
    assert (tmp_path / "d/one").read_text() == "old"
    assert len(list((tmp_path / "d").iterdir())) == 1


def test_an_encrypted_zip_is_refused(tmp_path):
    subprocess.run(["zip", "-q", "-P", "geheim", "a.zip", __file__], cwd=tmp_path, check=True)
    (tmp_path / "a.zip").rename(tmp_path / "a")
    assert "is encrypted" in unarchive(tmp_path)["msg"]


@pytest.mark.parametrize("option", ["-z", "-J"])
def test_check_mode_says_what_would_change(option, tmp_path):
    packed(option)(tmp_path)
    result = unarchive(tmp_path, check_mode=True)
    assert result["changed"]
    assert "s/one: Warning: Cannot stat" in result["diff"]["prepared"]
    assert list((tmp_path / "d").iterdir()) == []
    unarchive(tmp_path)
    assert not unarchive(tmp_path, check_mode=True)["changed"]
    (tmp_path / "d/s/one").write_text("changed\n")
    again = unarchive(tmp_path, check_mode=True)
    assert again["changed"]
    assert "s/one: Size differs" in again["diff"]["prepared"]
    assert (tmp_path / "d/s/one").read_text() == "changed\n"


@pytest.mark.parametrize("pack", [packed("-z", "a", "-C", "s", "one"), zipped()])
def test_what_is_newer_stays_and_is_no_change(pack, tmp_path):
    pack(tmp_path)
    unarchive(tmp_path)
    (tmp_path / "d/one").write_text("mine\n")
    assert not unarchive(tmp_path, keep_newer=True)["changed"]
    assert (tmp_path / "d/one").read_text() == "mine\n"
    (tmp_path / "d/one").unlink()
    assert unarchive(tmp_path, keep_newer=True)["changed"]
    assert (tmp_path / "d/one").read_text() == "1\n"


def test_creates_spares_everything(tmp_path):
    result = unarchive(tmp_path, src=str(tmp_path / "none"), creates=str(tmp_path))
    assert result["skipped"]
    assert result["msg"] == f"skipped, since {tmp_path} exists"


def test_an_address_is_fetched(tmp_path):
    packed("-z")(tmp_path)
    assert unarchive(tmp_path, src=(tmp_path / "a").as_uri())["changed"]
    assert (tmp_path / "d/s/one").read_text() == "1\n"
    missing = unarchive(tmp_path, src=(tmp_path / "none.tgz").as_uri())
    assert missing["msg"].startswith("Failure downloading file:///")
