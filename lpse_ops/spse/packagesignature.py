"""Signatures of packages: ``ssh-keygen -Y sign -n file -f KEY ARCHIVE``, by a pinned key.

Pinned keys lie in an ``allowed_signers`` file of ssh-keygen.  Anyone verifies without us:

    ssh-keygen -Y verify -f allowed_signers -I WHO -n file -s ARCHIVE.sig < ARCHIVE
"""

import re
from dataclasses import dataclass
from pathlib import Path

from lpse_ops.errors import PackageError, PackageRefused, SignatureInvalid
from lpse_ops.sshsig import KEY_TYPE, parse_signature, verify_digest

# The namespace that ssh-keygen's manual gives for signing files.
NAMESPACE = "file"
_MAX_BYTES = 1 << 20
_NAMESPACES = re.compile(r'namespaces="([^"]*)"')
_KEY = re.compile(r"[A-Za-z0-9+/]+={0,2}")


@dataclass(frozen=True)
class Signer:
    """A pinned key: ``ssh-ed25519 AAAA...``, and whose it is."""

    name: str
    key: str


def load_signers(path: Path) -> list[Signer]:
    """Read the pinned keys; ``PackageError`` for a line that we would not judge as ssh-keygen."""
    signers = []
    for number, line in enumerate(_load(path).splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        try:
            signer = parse_signer(line)
        except ValueError as error:
            raise PackageError(
                f"{path}:{number}: {error}",
                hint='write it so: lkpp namespaces="file" ssh-ed25519 AAAA...',
            ) from error
        signers += [signer] if signer else []
    if not signers:
        raise PackageError(
            f"{path} pins no key for packages",
            hint='add a line to it: lkpp namespaces="file" ssh-ed25519 AAAA...',
        )
    return signers


def parse_signer(line: str) -> Signer | None:
    """The key of a line; None when it is for something else than packages."""
    name, *rest = line.split()
    if rest and not rest[0].startswith(("ssh-", "sk-", "ecdsa-")):
        namespaces = _NAMESPACES.fullmatch(rest.pop(0))
        if namespaces is None:
            raise ValueError('the only option that is understood is namespaces="..."')
        if NAMESPACE not in namespaces[1].split(","):
            return None
    if len(rest) < 2 or rest[0] != KEY_TYPE or not _KEY.fullmatch(rest[1]):
        raise ValueError("this is no name and Ed25519 key")
    return Signer(name, f"{KEY_TYPE} {rest[1]}")


def load_signature(path: Path) -> str:
    """The armoured text; judged by ``verify_package``."""
    return _load(path)


def hash_of(signature: str) -> str:
    """``sha256`` or ``sha512``: the digest that ``verify_package`` needs."""
    try:
        return parse_signature(signature).hash_name
    except SignatureInvalid as error:
        raise _refused(error.message) from error


def verify_package(signature: str, digest: bytes, signers: list[Signer]) -> Signer:
    """Who signed a file with this digest; ``PackageRefused`` unless it is a pinned key."""
    try:
        key = verify_digest(signature, digest, NAMESPACE)
    except SignatureInvalid as error:
        raise _refused(error.message) from error
    for signer in signers:
        if signer.key == key:
            return signer
    raise _refused(f"it is signed by {key}, which is not pinned")


def _refused(why: str) -> PackageRefused:
    return PackageRefused(
        why,
        hint="do not install it; see for yourself: ssh-keygen -Y verify -f SIGNERS -I NAME "
        "-n file -s ARCHIVE.sig < ARCHIVE",
    )


def _load(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            return stream.read(_MAX_BYTES).decode("utf-8", "replace")
    except OSError as error:
        raise PackageError(
            f"cannot read {path}: {error.strerror}", hint=f"check its name: ls -l {path.parent}"
        ) from error
