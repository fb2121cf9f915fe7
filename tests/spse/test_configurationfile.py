"""application.conf on a disk."""

import os
import stat
from pathlib import Path

import pytest

from lpse_ops.errors import ReleaseError
from lpse_ops.spse.configuration import parse_configuration
from lpse_ops.spse.configurationfile import MAX_BYTES, load_configuration, save_configuration


def test_what_is_saved_is_loaded(tmp_path: Path):
    path = tmp_path / "application.conf"
    wanted = parse_configuration(b"# x\r\ndb.pass = rahasia\r\n")
    save_configuration(path, wanted)
    assert load_configuration(path) == wanted
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_owner_and_mode_stay(tmp_path: Path):
    path = tmp_path / "application.conf"
    path.write_bytes(b"a=b\n")
    path.chmod(0o600)
    before = path.stat()
    save_configuration(path, parse_configuration(b"a=c\n"))
    after = path.stat()
    assert (after.st_mode, after.st_uid) == (before.st_mode, before.st_uid)
    assert os.listdir(tmp_path) == ["application.conf"]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "cannot read"),
        (b"x" * (MAX_BYTES + 1), "is larger than"),
        (b"a=b\ndb.pass=rahasia\\u12\n", "application.conf: line 2: an escape"),
    ],
)
def test_what_cannot_be_read_is_said_without_a_secret(tmp_path: Path, content, why: str):
    path = tmp_path / "application.conf"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ReleaseError, match=why) as wrong:
        load_configuration(path)
    assert str(tmp_path) in wrong.value.hint
    assert "rahasia" not in f"{wrong.value.message} {wrong.value.hint}"


def test_what_cannot_be_written_is_said(tmp_path: Path):
    with pytest.raises(ReleaseError, match="cannot write") as wrong:
        save_configuration(tmp_path / "none" / "application.conf", parse_configuration(b""))
    assert "df -h" in wrong.value.hint


def test_no_secret_shows_in_a_traceback():
    assert "rahasia" not in repr(parse_configuration(b"db.pass=rahasia\n"))
    assert "rahasia" not in repr(parse_configuration(b"db.pass=rahasia\n").items[0])
