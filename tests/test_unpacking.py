"""Archives that tests unpack: nothing of them gets out of the folder."""

import io
import tarfile
from pathlib import Path

import pytest

from tests.unpacking import unpack


def archive(path: Path, name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> Path:
    with tarfile.open(path, "w") as file:
        member = tarfile.TarInfo(name)
        member.type, member.linkname = kind, link
        member.size = len(b"x") if kind == tarfile.REGTYPE else 0
        file.addfile(member, io.BytesIO(b"x"))
    return path


@pytest.mark.parametrize(
    ("name", "kind", "link"),
    [
        ("../outside", tarfile.REGTYPE, ""),
        ("/tmp/outside", tarfile.REGTYPE, ""),
        ("a/../../outside", tarfile.REGTYPE, ""),
        ("link", tarfile.SYMTYPE, "../outside"),
        ("link", tarfile.SYMTYPE, "/etc"),
        ("link", tarfile.LNKTYPE, "../outside"),
        ("fifo", tarfile.FIFOTYPE, ""),
    ],
)
def test_members_that_lead_out_are_refused(
    tmp_path: Path, name: str, kind: bytes, link: str
) -> None:
    inside = tmp_path / "inside"
    with pytest.raises(ValueError, match=r"leads out|no plain file"):
        unpack(archive(tmp_path / "bad.tar", name, kind, link), inside)
    assert not inside.exists()
    assert not (tmp_path / "outside").exists()


def test_files_and_links_between_them_are_unpacked(tmp_path: Path) -> None:
    unpack(archive(tmp_path / "good.tar", "a/file"), tmp_path / "inside")
    assert (tmp_path / "inside" / "a" / "file").read_bytes() == b"x"
    unpack(archive(tmp_path / "link.tar", "a/link", tarfile.SYMTYPE, "file"), tmp_path / "inside")
    assert (tmp_path / "inside" / "a" / "link").read_bytes() == b"x"
