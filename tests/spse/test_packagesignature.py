"""Signatures by the real ssh-keygen, and keys that are pinned or not."""

import subprocess
from pathlib import Path

import pytest

from lpse_ops.errors import PackageError, PackageRefused
from lpse_ops.spse.package import Expected, Inspected, open_package
from lpse_ops.spse.packagesignature import load_signature, load_signers, parse_signer
from tests.spse.archives import good_tar, write

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ"


def ssh_keygen(*args: str | Path) -> None:
    subprocess.run(["ssh-keygen", "-q", *args], check=True, capture_output=True)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return write(tmp_path, good_tar())


@pytest.fixture
def signers(tmp_path: Path) -> Path:
    """The key of LKPP, which is pinned, and a stranger's."""
    for name in ("lkpp", "asing"):
        ssh_keygen("-t", "ed25519", "-N", "", "-C", name, "-f", tmp_path / name)
    path = tmp_path / "allowed_signers"
    path.write_text(f'# kunci\n\nlkpp namespaces="file" {(tmp_path / "lkpp.pub").read_text()}')
    return path


def sign(archive: Path, key: str, namespace: str = "file", hash_name: str = "sha512") -> Path:
    signature = archive.with_name(f"{archive.name}.sig")
    signature.unlink(missing_ok=True)
    options = ("-n", namespace, "-O", f"hashalg={hash_name}")
    ssh_keygen("-Y", "sign", "-f", archive.with_name(key), *options, archive)
    return signature


def inspect(archive: Path, signature: Path, signers: Path) -> Inspected:
    expected = Expected(signature=load_signature(signature), signers=tuple(load_signers(signers)))
    with open_package(archive) as package:
        return package.inspect(expected)


@pytest.mark.parametrize("hash_name", ["sha256", "sha512"])
def test_who_signed_is_told(archive: Path, signers: Path, hash_name: str):
    found = inspect(archive, sign(archive, "lkpp", hash_name=hash_name), signers)
    assert found.signer is not None
    assert found.signer.name == "lkpp"
    assert not [note for note in found.notes() if "signed" in note]
    judge = ["ssh-keygen", "-Y", "verify", "-f", signers, "-I", "lkpp", "-n", "file", "-s"]
    with archive.open("rb") as content:
        subprocess.run([*judge, f"{archive}.sig"], stdin=content, check=True)


def test_a_stranger_is_refused(archive: Path, signers: Path):
    with pytest.raises(PackageRefused, match="which is not pinned") as refused:
        inspect(archive, sign(archive, "asing"), signers)
    assert "ssh-keygen -Y verify" in refused.value.hint


def test_a_signature_for_something_else_is_refused(archive: Path, signers: Path):
    with pytest.raises(PackageRefused, match="it was made for 'git', not for 'file'"):
        inspect(archive, sign(archive, "lkpp", namespace="git"), signers)


def test_a_changed_archive_is_refused_before_it_is_parsed(archive: Path, signers: Path):
    signature = sign(archive, "lkpp")
    archive.write_bytes(b"tidak lagi arsip")
    with pytest.raises(PackageRefused, match="what it signs was changed"):
        inspect(archive, signature, signers)


def test_what_is_no_signature_is_refused(archive: Path, signers: Path):
    with pytest.raises(PackageRefused, match="the signature is not valid"):
        inspect(archive, signers, signers)


def test_a_missing_file_is_said(tmp_path: Path):
    with pytest.raises(PackageError, match="No such file"):
        load_signature(tmp_path / "x.sig")


@pytest.mark.parametrize(
    ("line", "name"),
    [
        (f"lkpp {KEY} komentar", "lkpp"),
        (f'lkpp namespaces="git,file" {KEY}', "lkpp"),
        (f'lkpp namespaces="git" {KEY}', None),
    ],
)
def test_lines_of_signers(line: str, name: str | None):
    signer = parse_signer(line)
    assert (signer and signer.name) == name


@pytest.mark.parametrize(
    "line",
    [
        "lkpp",
        "lkpp ssh-ed25519",
        "lkpp ssh-rsa AAAAB3NzaC1yc2EAAA",
        f"lkpp cert-authority {KEY}",
        f'lkpp valid-before="20250101" {KEY}',
        "lkpp ssh-ed25519 !!!",
    ],
)
def test_lines_that_we_would_not_judge_as_ssh_keygen_does(tmp_path: Path, line: str):
    path = tmp_path / "signers"
    path.write_text(f"# x\n{line}\n")
    with pytest.raises(PackageError, match=r"signers:2: ") as wrong:
        load_signers(path)
    assert 'lkpp namespaces="file" ssh-ed25519' in wrong.value.hint


def test_a_file_without_keys_is_said(tmp_path: Path):
    path = tmp_path / "signers"
    path.write_text(f'lkpp namespaces="git" {KEY}\n')
    with pytest.raises(PackageError, match="pins no key for packages"):
        load_signers(path)
