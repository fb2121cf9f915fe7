"""In which way a server is asked to store an object, learned from what it answers.

Servers differ: some compare a SHA-256 that is sent along, some only Content-MD5; some refuse to
write over an object when asked to, some have never heard of it.
"""

import hashlib
from base64 import b64encode
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from lpse_ops.backup.crypto import Buffer
from lpse_ops.backup.storage.s3errors import Failure

_UNKNOWN_TO_IT = {"NotImplemented", "InvalidArgument", "InvalidRequest", "MalformedHeader"}
# What a bucket's policy (s3:x-amz-content-sha256) or a server says that wants content signed, too.
_WANTS_CONTENT_SIGNED = {"AccessDenied", "SignatureDoesNotMatch", "XAmzContentSHA256Mismatch"}


class Proof(Enum):
    """What is sent along with the content, to be compared by the server."""

    BOTH = "SHA-256 and MD5, until the server has shown which it compares"
    SHA256 = "SHA-256"
    MD5 = "Content-MD5"


@dataclass(frozen=True)
class PutWays:
    """``is_conditional``: the server is asked not to write over an object (If-None-Match)."""

    is_conditional: bool = True
    proof: Proof = Proof.BOTH

    @property
    def looks_first(self) -> bool:
        """Whether to ask for the object before: a server that knows no SHA-256 is older than
        conditions, and writes over what there is."""
        return self.proof is Proof.MD5 or not self.is_conditional


FIRST_WAYS = PutWays()


def fall_back(ways: PutWays, failure: Failure) -> PutWays | None:
    """What to try next after a refusal; None if another way would not help."""
    if ways.proof is Proof.SHA256 and failure.code in _WANTS_CONTENT_SIGNED:
        return replace(ways, proof=Proof.MD5)
    if failure.status not in (400, 501) or failure.code not in _UNKNOWN_TO_IT:
        return None
    if ways.proof is not Proof.MD5:
        return replace(ways, proof=Proof.MD5)
    return replace(ways, is_conditional=False) if ways.is_conditional else None


def learn(ways: PutWays, echoed: object, sha256: str) -> PutWays:
    """A server that compares a SHA-256 says so by repeating it."""
    if ways.proof is not Proof.BOTH:
        return ways
    return replace(ways, proof=Proof.SHA256 if echoed == sha256 else Proof.MD5)


def headers(ways: PutWays, content: Buffer, sha256: str) -> dict[str, Any]:
    """Arguments of PutObject."""
    arguments: dict[str, Any] = {"IfNoneMatch": "*"} if ways.is_conditional else {}
    if ways.proof is not Proof.MD5:
        arguments["ChecksumSHA256"] = sha256
    if ways.proof is not Proof.SHA256:
        arguments["ContentMD5"] = md5(content)
    return arguments


def md5(content: Buffer) -> str:
    """As Content-MD5 wants it: against accidents, not against forgers."""
    digest = hashlib.md5(content, usedforsecurity=False).digest()
    return b64encode(digest).decode("ascii")
