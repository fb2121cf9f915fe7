"""Good packages as the tools of the field make them, and what the inspection says of them."""

import gzip
import hashlib
import os
import subprocess
import tarfile
from pathlib import Path

import pytest

from lpse_ops.errors import PackageError, PackageRefused
from lpse_ops.spse.package import Expected, Inspected, open_package
from lpse_ops.spse.packagelimits import Limits
from lpse_ops.spse.packagesource import Source
from lpse_ops.spse.packagestreams import open_plain
from lpse_ops.spse.tarmembers import read_tar
from lpse_ops.spse.zipmembers import read_zip
from tests.spse.archives import (
    COMPRESSORS,
    NEW_LAYOUT,
    OLD_LAYOUT,
    application,
    folder,
    good_tar,
    good_zip,
    hard_link,
    header,
    library_zip,
    link,
    pax,
    record,
    tar,
    write,
)


def inspect(
    path: Path, expected: Expected | None = None, limits: Limits | None = None
) -> Inspected:
    with open_package(path, limits) as package:
        return package.inspect(expected)


def lay_out(root: Path, layout=NEW_LAYOUT) -> None:
    for path, content in layout.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content)
    (root / "spse4").chmod(0o755)


@pytest.mark.parametrize("kind", COMPRESSORS)
def test_every_compression_is_read(tmp_path: Path, kind: str):
    content = COMPRESSORS[kind](good_tar())
    found = inspect(write(tmp_path, content, "spse-4.5.dat"))
    assert (found.kind, found.version, found.root) == (kind, "4.5", "spse")
    assert found.sha256 == hashlib.sha256(content).hexdigest()
    assert {each.path: each.sha256 for each in found.content} == {
        path: hashlib.sha256(each).hexdigest() for path, each in NEW_LAYOUT.items()
    }
    assert [each.path for each in found.content if each.is_executable] == ["spse4"]


@pytest.mark.parametrize("build", [good_zip, library_zip])
def test_zip_is_read(tmp_path: Path, build):
    found = inspect(write(tmp_path, build(), "spse-4.4.zip"))
    assert (found.kind, found.version, found.layout.name) == ("zip", "4.4", "4.4+")
    assert found.unpacked_bytes == sum(map(len, NEW_LAYOUT.values()))


@pytest.mark.parametrize(
    ("command", "kind"),
    [
        (["tar", "-czf"], "tar.gz"),
        (["tar", "-cJf"], "tar.xz"),
        (["tar", "--zstd", "-cf"], "tar.zst"),
        (["tar", "--format=gnu", "-cf"], "tar"),
        (["tar", "--format=ustar", "-cf"], "tar"),
        (["tar", "--format=posix", "-cf"], "tar"),
        (["tar", "--format=v7", "-czf"], "tar.gz"),
        (["zip", "-qry"], "zip"),
        (["zip", "-qry0"], "zip"),
        (["jar", "cMf"], "zip"),
    ],
    ids=lambda value: "".join(value) if isinstance(value, list) else value,
)
def test_what_the_fields_tools_pack_passes(tmp_path: Path, command: list[str], kind: str):
    lay_out(tmp_path / "spse")
    if "v7" not in command[1] and "ustar" not in command[1]:
        deep = tmp_path / "spse" / "framework" / ("panjang" * 12) / ("nama" * 20)
        deep.mkdir(parents=True)
        (deep / "berkas pengadaan – ünïcode.txt").write_bytes(b"x")
    if command[0] != "jar":
        (tmp_path / "spse" / "terbaru").symlink_to("lib/driver.jar")
    if command[0] == "tar":
        os.link(tmp_path / "spse" / "lib/driver.jar", tmp_path / "spse" / "lib/sama.jar")
    subprocess.run([*command, "spse-4.5.pkg", "spse"], cwd=tmp_path, check=True)
    found = inspect(tmp_path / "spse-4.5.pkg")
    assert (found.kind, found.root) == (kind, "spse")
    files = {each.path for each in found.content if each.kind in ("file", "hard link")}
    assert files >= NEW_LAYOUT.keys()
    for each in found.content:
        if each.kind == "file":
            packed = (tmp_path / "spse" / each.path).read_bytes()
            assert each.sha256 == hashlib.sha256(packed).hexdigest()


def test_long_names_and_targets_of_both_kinds(tmp_path: Path):
    long = "framework/" + "/".join(["panjang" * 10] * 3)
    for number, tar_format in enumerate((tarfile.GNU_FORMAT, tarfile.PAX_FORMAT)):
        members = [header(f"spse/{long}", b"x"), link("spse/tautan", long)]
        content = tar([*application(), *members], tar_format)
        found = inspect(write(tmp_path, content, f"spse-4.{number}.tar"))
        kinds = {each.path: each.target for each in found.content}
        assert kinds[long] == ""
        assert kinds["tautan"] == long


def test_a_size_in_a_pax_header_counts(tmp_path: Path):
    """As for files above 8 GiB, whose size the old header cannot hold."""
    info, content = header("spse/besar", b"isi")
    info.size = 0
    found = inspect(
        write(tmp_path, tar([*application(), pax(record("size", "3")), (info, content)]))
    )
    assert found.content[-1].size_bytes == 3


def test_members_whose_content_nobody_wants_are_passed_over(tmp_path: Path):
    for content, read in (
        (good_tar(), lambda source: read_tar(open_plain(source, ""))),
        (good_zip(), read_zip),
    ):
        path = write(tmp_path, content)
        with path.open("rb") as stream:
            members = list(read(Source(stream.fileno(), len(content))))
        assert [member.path for member, _ in members] == [f"spse/{path}" for path in NEW_LAYOUT]


def test_zip_from_a_pipe_has_descriptors(tmp_path: Path):
    lay_out(tmp_path / "spse")
    path = tmp_path / "spse-4.5.zip"
    with path.open("wb") as out:
        subprocess.run(["zip", "-qrfz-", "-", "spse"], cwd=tmp_path, stdout=out, check=True)
    assert inspect(path).root == "spse"


@pytest.mark.parametrize("root", ["", "./", "spse-4.5/", "./home/appserv/spse/"])
def test_the_application_may_lie_in_a_folder(tmp_path: Path, root: str):
    found = inspect(write(tmp_path, good_tar(root=root)))
    assert found.root == root.removeprefix("./").removesuffix("/")
    assert {each.path for each in found.content} == NEW_LAYOUT.keys()
    assert not [note for note in found.notes() if "beside" in note]


def test_links_that_stay_inside_are_taken(tmp_path: Path):
    found = inspect(
        write(
            tmp_path,
            good_tar(
                folder("spse"),
                link("spse/lib/lain", "../framework/play-lkpp.jar"),
                link("spse/semua", "."),
                link("spse/lib/dua", "lain"),
                hard_link("spse/starter.sh", "./spse/spse4"),
            ),
        )
    )
    kinds = {each.path: (each.kind, each.target) for each in found.content}
    assert kinds["lib/lain"] == ("link", "../framework/play-lkpp.jar")
    assert kinds["starter.sh"] == ("hard link", "spse4")


def test_what_lies_beside_the_application_stays_out_and_is_told(tmp_path: Path):
    members = [folder("./"), folder("spse"), *application(), header("BACA.txt", b"x")]
    found = inspect(write(tmp_path, tar([*members, header("spse/server.pid", b"1")])))
    assert {each.path for each in found.content} == NEW_LAYOUT.keys()
    notes = found.notes()
    assert "1 entries beside the application stay out, first 'BACA.txt'" in notes
    assert "a server.pid was packed and stays out: its number is no process here" in notes


def test_notes_of_a_plain_package(tmp_path: Path):
    path = write(tmp_path, tar(application(layout=OLD_LAYOUT)), "spse-4.5.tar")
    found = inspect(path)
    assert found.notes() == [
        "version 4.5 with the layout of 4.3: which is?",
        "its SHA-256 was not compared: --sha256 HEX, as LKPP states it",
        "it is not signed, or nobody asked: --signature FILE --signers FILE",
    ]
    found = inspect(path, Expected(sha256=found.sha256, version="4.3"))
    assert found.notes()[0].startswith("it is not signed")
    nameless = inspect(write(tmp_path, good_tar(), "spse.tar"))
    assert nameless.version is None
    assert nameless.notes()[0] == "its name tells no version: say it with --release VERSION"


def test_a_starter_without_migration_is_told(tmp_path: Path):
    layout = {path.replace("spse4", "starter.sh"): each for path, each in NEW_LAYOUT.items()}
    found = inspect(write(tmp_path, tar(application(layout=layout))))
    assert found.notes()[-1] == "starter.sh is not known to have the verb migration"


def test_another_digest_is_refused_before_anything_is_parsed(tmp_path: Path):
    path = write(tmp_path, b"not even an archive")
    with pytest.raises(PackageRefused, match=r"its SHA-256 is [0-9a-f]{64}, not 00") as refused:
        inspect(path, Expected(sha256="00" * 32))
    assert f"sha256sum {path}" in refused.value.hint


def test_a_wrong_version_is_refused(tmp_path: Path):
    with pytest.raises(PackageError, match="is no version") as wrong:
        inspect(write(tmp_path, good_tar()), Expected(version="../4.5"))
    assert "--release 4.5" in wrong.value.hint


def test_what_changes_between_inspection_and_unpacking_is_refused(tmp_path: Path):
    path = write(tmp_path, good_tar())
    with open_package(path) as package:
        inspected = package.inspect()
        content = bytearray(path.read_bytes())
        content[512] ^= 1
        path.write_bytes(content)
        with pytest.raises(PackageRefused, match="it changed after it was inspected"):
            package.unpack(inspected)


def test_another_file_under_the_name_changes_nothing(tmp_path: Path):
    path = write(tmp_path, good_tar())
    with open_package(path) as package:
        inspected = package.inspect()
        write(tmp_path, b"x", "other").replace(path)
        package.unpack(inspected)


def test_a_file_that_becomes_shorter_is_refused(tmp_path: Path):
    path = write(tmp_path, gzip.compress(good_tar()))
    with open_package(path) as package:
        inspected = package.inspect()
        os.truncate(path, 100)
        with pytest.raises(PackageRefused, match="became shorter"):
            package.unpack(inspected)


@pytest.mark.parametrize("make", [lambda path: path.mkdir(), lambda path: os.mkfifo(path)])
def test_only_files_are_packages(tmp_path: Path, make):
    path = tmp_path / "spse"
    make(path)
    with pytest.raises(PackageError, match="is not a file"), open_package(path):
        pass


def test_a_missing_file_is_said(tmp_path: Path):
    path = tmp_path / "spse.zip"
    with pytest.raises(PackageError, match="No such file") as missing, open_package(path):
        pass
    assert f"ls -l {tmp_path}" in missing.value.hint


def test_too_large_an_archive_is_not_read(tmp_path: Path):
    with pytest.raises(PackageRefused, match="larger than 10 bytes"):
        inspect(write(tmp_path, good_tar()), limits=Limits(archive_bytes=10))
