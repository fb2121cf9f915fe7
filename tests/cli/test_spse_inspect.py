"""``spse inspect`` as an officer and a script meet it."""

import gzip
import hashlib
import subprocess
from pathlib import Path

import pytest

from tests.cli.commands import Ended, lpse_ops
from tests.spse.archives import good_tar, header, write


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return write(tmp_path, gzip.compress(good_tar()), "spse-4.5.tar.gz")


def inspect(*args: str | Path) -> Ended:
    return lpse_ops("spse", "inspect", *args)


def test_a_good_package_is_told(archive: Path):
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    ended = inspect(archive, "--sha256", f" {digest.upper()}")
    assert ended.code == 0, ended.stderr
    rows = dict(line.split("  ", 1) for line in ended.stdout.splitlines())
    told = {name.strip(): value.strip() for name, value in rows.items()}
    assert told["SHA-256"] == f"{digest} (as expected)"
    assert told["version"] == "4.5"
    assert told["layout"] == "4.4+, in spse"
    assert told["start script"] == "spse4 (migration)"
    assert told["configuration"] == "conf/application.conf"
    assert told["content"].startswith("4 files, 0 links, ")
    assert "it is not signed, or nobody asked" in ended.stderr


def test_json(archive: Path):
    answer = inspect(archive, "--format", "json").json()
    assert answer["schema"] == "lpse-ops/spse/inspect/1"
    assert answer["sha256_compared"] is False
    assert answer["signed_by"] is None
    assert (answer["version"], answer["layout"], answer["folder"]) == ("4.5", "4.4+", "spse")
    assert (answer["files"], answer["links"], answer["pid_files"]) == (4, 0, ["server.pid"])
    assert answer["notes"][0].startswith("its SHA-256 was not compared")


def test_a_signed_package(archive: Path, tmp_path: Path):
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    sign = ["ssh-keygen", "-q", "-Y", "sign", "-n", "file", "-f", key, archive]
    subprocess.run(sign, check=True)
    signers = tmp_path / "allowed_signers"
    signers.write_text(f"lkpp {key.with_suffix('.pub').read_text()}")
    flags = ("--signature", f"{archive}.sig", "--signers", signers)
    ended = inspect(archive, *flags, "--format", "json")
    assert ended.code == 0, ended.stderr
    assert ended.json()["signed_by"]["name"] == "lkpp"
    archive.write_bytes(gzip.compress(good_tar(header("spse/baru"))))
    ended = inspect(archive, *flags)
    assert (ended.code, ended.stdout) == (7, "")
    assert "error: the signature is not valid: what it signs was changed" in ended.stderr


@pytest.mark.parametrize(
    ("members", "why"),
    [
        ([header("../../etc/cron.d/jahat")], "leads out of its folder with '..'"),
        ([header("spse/\x1b[31mjahat")], "'spse/\\x1b[31mjahat' holds a control character"),
    ],
)
def test_a_hostile_package_is_refused_in_one_line(tmp_path: Path, members, why: str):
    path = write(tmp_path, good_tar(*members))
    ended = inspect(path)
    assert (ended.code, ended.stdout) == (7, "")
    error, hint = ended.stderr.splitlines()
    assert error.startswith(f"lpse-ops: error: {path} is refused: ")
    assert why in error
    assert f"sha256sum {path}" in hint


def test_another_digest_is_refused(archive: Path):
    ended = inspect(archive, "--sha256", "ab" * 32)
    assert ended.code == 7
    assert f"not {'ab' * 32}" in ended.stderr


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (("--sha256", "ab"), 2, "sha256sum ARCHIVE"),
        (("--signature", "x.sig"), 2, "--signature ARCHIVE.sig --signers allowed_signers"),
        (("--release", "../x"), 2, "--release 4.5"),
        (("--signature", "/none.sig", "--signers", "/none"), 1, "cannot read /none.sig"),
    ],
)
def test_wrong_calls(archive: Path, args: tuple[str, ...], code: int, said: str):
    ended = inspect(archive, *args)
    assert (ended.code, ended.stdout) == (code, "")
    assert said in ended.stderr


def test_a_missing_archive(tmp_path: Path):
    ended = inspect(tmp_path / "spse.zip")
    assert ended.code == 1
    assert f"hint: check its name: ls -l {tmp_path}" in ended.stderr
