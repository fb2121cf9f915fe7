"""Where a repository in S3 lives, and the names of its objects.

The locations are restic's: ``s3:HOST/BUCKET/PREFIX`` means https, ``s3:http://HOST/BUCKET/PREFIX``
says so itself.  Names of objects are the names of the files behind the prefix, no others.
"""

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, get_args
from urllib.parse import quote, unquote, urlsplit

from lpse_ops.backup.storage.backend import CONFIG, FileKind, file_name, is_file_id
from lpse_ops.backup.witness import WITNESS_FOLDER
from lpse_ops.errors import UsageError

Addressing = Literal["auto", "path", "virtual"]
RetentionMode = Literal["governance", "compliance"]
ADDRESSINGS: tuple[str, ...] = get_args(Addressing)
RETENTION_MODES: tuple[str, ...] = get_args(RetentionMode)

_EXAMPLE = "write s3:https://HOST/BUCKET/FOLDER, e.g. s3:https://s3.example.id/lpse-contoh/repo"
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,61}[A-Za-z0-9]")
_HOST = re.compile(r"[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\]")
_AWS = re.compile(r"s3(?:[.-]dualstack)?(?:[.-]([a-z0-9-]+))?\.amazonaws\.com(?:\.cn)?")


@dataclass(frozen=True)
class S3Options:
    """What the settings say of a destination beyond its location; never a secret.

    ``retention`` is how long the server shall refuse to delete what was stored (Object Lock).
    """

    region: str | None = None
    addressing: Addressing = "auto"
    storage_class: str | None = None
    retention: timedelta | None = None
    retention_mode: RetentionMode = "governance"
    profile: str | None = None


NO_OPTIONS = S3Options()


@dataclass(frozen=True)
class S3Location:
    """``endpoint`` is a URL without a path; ``prefix`` has no slash at either end."""

    endpoint: str
    bucket: str
    prefix: str = ""

    def __str__(self) -> str:
        parts = (self.endpoint, self.bucket, quote(self.prefix))
        return "s3:" + "/".join(part for part in parts if part)

    @property
    def host(self) -> str:
        return urlsplit(self.endpoint).hostname or ""

    @property
    def server(self) -> str:
        """Host and port, for people."""
        return self.endpoint.partition("://")[2]

    @property
    def is_aws(self) -> bool:
        return bool(_AWS.fullmatch(self.host))

    @property
    def region(self) -> str | None:
        """The region that the name of an Amazon endpoint holds."""
        match = _AWS.fullmatch(self.host)
        return match[1] if match else None

    def key(self, name: str) -> str:
        """The object's name for a file of the repository."""
        return f"{self.prefix}/{name}" if self.prefix else name

    def name(self, key: str) -> str | None:
        """The file's name for an object, or None if it is not below the prefix."""
        start = self.key("")
        return key[len(start) :] if key.startswith(start) else None


def parse_location(text: str) -> S3Location:
    """Parse what stands behind ``s3:``; an error never repeats it, for it may hold a secret."""
    if text.startswith("//"):
        text = text[2:]
    is_url = text.startswith(("http://", "https://"))
    try:
        parts = urlsplit(text if is_url else f"https://{text}")
        port = parts.port
    except ValueError as error:
        raise UsageError("the S3 location is no URL", hint=_EXAMPLE) from error
    if "@" in parts.netloc:
        raise UsageError(
            "the S3 location must not hold a key or a password",
            hint="take it out; keys come from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, "
            "or from a profile in ~/.aws/credentials",
        )
    if parts.query or parts.fragment:
        raise UsageError("the S3 location has a ? or a # in it", hint=_EXAMPLE)
    host = parts.netloc.rpartition(":")[0] if port is not None else parts.netloc.removesuffix(":")
    if not _HOST.fullmatch(host):
        raise UsageError("the S3 location names no host", hint=_EXAMPLE)
    bucket, _, prefix = parts.path.removeprefix("/").partition("/")
    if not _BUCKET.fullmatch(bucket):
        raise UsageError(
            "the S3 location names no bucket" if not bucket else f"{bucket!r} is no bucket's name",
            hint=f"{_EXAMPLE}; a bucket's name has 3 to 63 letters, digits, dots and dashes",
        )
    # As restic: only a URL is percent-encoded.
    folder = _clean_prefix(unquote(prefix) if is_url else prefix)
    endpoint = f"{parts.scheme}://{host.lower()}" + (f":{port}" if port is not None else "")
    return S3Location(endpoint, bucket, folder)


def _clean_prefix(text: str) -> str:
    segments = [each for each in text.split("/") if each not in ("", ".")]
    if ".." in segments or any(ord(letter) < 32 for letter in text):
        raise UsageError("the S3 location's folder has .. or control characters in it",
                         hint=_EXAMPLE)  # fmt: skip
    return "/".join(segments)


def find_file_id(kind: FileKind, name: str) -> str | None:
    """The id of a file of a kind, or None for a name that is not where ``file_name`` says."""
    file_id = name.rpartition("/")[2]
    return file_id if is_file_id(file_id) and name == file_name(kind, file_id) else None


def is_repository_file(name: str) -> bool:
    """Whether a name is one that repositories have."""
    return name == CONFIG or any(find_file_id(kind, name) for kind in FileKind)


def is_retained(name: str) -> bool:
    """Whether Object Lock shall hold a file: locks come and go, and so do notes of prune."""
    if name.startswith(f"{WITNESS_FOLDER}/"):
        return True
    return is_repository_file(name) and not name.startswith(f"{FileKind.LOCK}/")


def choose_addressing(location: S3Location, asked: Addressing) -> Literal["path", "virtual"]:
    """Virtual hosts need a name in the DNS for each bucket, which only large providers have."""
    if asked != "auto":
        return asked
    # A dot in the bucket's name does not match the provider's certificate.
    return "virtual" if location.is_aws and "." not in location.bucket else "path"
