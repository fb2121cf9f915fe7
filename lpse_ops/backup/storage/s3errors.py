"""What an S3 server says no with, in words: what is wrong, and what to check or to type.

Codes: the table of error responses in Amazon's S3 API reference; other servers use the same.
A server's own text is shown cut short, and never an answer that could repeat a secret of ours.
"""

from collections.abc import Callable
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple

from lpse_ops.backup.storage.s3location import S3Location
from lpse_ops.errors import StorageError, StorageRefused, StorageUnavailable

_SHOWN_LETTERS = 160
_WRONG_KEY = {"InvalidAccessKeyId", "SignatureDoesNotMatch", "AuthorizationHeaderMalformed",
              "InvalidToken", "InvalidSecurity"}  # fmt: skip
_EXPIRED = {"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired"}
_NO_ROOM = {"QuotaExceeded", "XMinioStorageFull", "InsufficientStorage", "EntityTooLarge"}
# Amazon's, and what comes from whoever stands before the server.
_BUSY_STATUS = {408, 429, 500, 502, 503, 504}
_BUSY = {"SlowDown", "RequestTimeout", "InternalError", "ServiceUnavailable", "BadDigest",
         "OperationAborted", "ConditionalRequestConflict", "IncompleteBody",
         # Ended by a request whose answer was lost, or given up by another process.
         "NoSuchUpload"}  # fmt: skip


class Failure(NamedTuple):
    """An answer of the server; ``code`` is the status where the answer has no body (HEAD)."""

    code: str
    status: int
    text: str = ""
    server_time: datetime | None = None

    @property
    def is_missing_bucket(self) -> bool:
        return self.code == "NoSuchBucket"

    @property
    def is_missing_file(self) -> bool:
        return self.status == 404 and not self.is_missing_bucket

    @property
    def is_mute(self) -> bool:
        """Whether the answer to a HEAD left out why."""
        return self.code == str(self.status)


class Asked(NamedTuple):
    """What was asked for: ``doing`` completes "cannot"; ``key_end`` are letters of the key's id."""

    doing: str
    location: S3Location
    key_end: str
    now: datetime


def read_failure(response: dict[str, Any]) -> Failure:
    """Read botocore's account of an answer."""
    error = response.get("Error") or {}
    facts = response.get("ResponseMetadata") or {}
    status = facts.get("HTTPStatusCode")
    headers = facts.get("HTTPHeaders") or {}
    return Failure(
        _shorten(str(error.get("Code", status))),
        status if isinstance(status, int) else 0,
        _shorten(str(error.get("Message", ""))),
        _parse_date(headers.get("date")),
    )


def _shorten(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text[:_SHOWN_LETTERS])


def _parse_date(text: object) -> datetime | None:
    try:
        moment = parsedate_to_datetime(str(text))
    except ValueError:
        return None
    return moment if moment.tzinfo else None


def explain_failure(failure: Failure, asked: Asked) -> StorageError:
    """An answer as an error: refused, unavailable for now, or wrong for good."""
    for matches, explain in _EXPLANATIONS:
        if matches(failure):
            return explain(failure, asked)
    return StorageError(
        f"cannot {asked.doing}: {asked.location.server} says {_said(failure)}",
        hint=f"ask who runs {asked.location.server}; what was stored before is unharmed",
    )


def _said(failure: Failure) -> str:
    return f"{failure.code}: {failure.text}" if failure.text else failure.code


def _missing_bucket(_failure: Failure, asked: Asked) -> StorageError:
    return StorageError(
        f"cannot {asked.doing}: there is no bucket {asked.location.bucket} at "
        f"{asked.location.server}",
        hint=f"is the location right? lpse-ops backup init --repo {asked.location} makes the "
        "bucket and a new repository in it",
    )


def _skewed(failure: Failure, asked: Asked) -> StorageError:
    told = ""
    if failure.server_time is not None:
        minutes = round((asked.now - failure.server_time).total_seconds() / 60)
        told = f": it is {abs(minutes)} minutes {'ahead' if minutes > 0 else 'behind'}"
    return StorageError(
        f"cannot {asked.doing}: the clock of this machine differs from that of "
        f"{asked.location.server}{told}",
        hint="set the clock: timedatectl set-ntp true, then look with timedatectl",
    )


def _expired(failure: Failure, asked: Asked) -> StorageError:
    return StorageRefused(
        f"cannot {asked.doing}: the session token of {_key(asked)} has expired ({failure.code})",
        hint="get new temporary credentials, and set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY "
        "and AWS_SESSION_TOKEN",
    )


def _wrong_key(failure: Failure, asked: Asked) -> StorageError:
    return StorageRefused(
        f"cannot {asked.doing}: {asked.location.server} does not accept {_key(asked)} "
        f"({failure.code})",
        hint="check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or the profile in "
        "~/.aws/credentials; and the region",
    )


def _denied(failure: Failure, asked: Asked) -> StorageError:
    said = "" if failure.is_mute or not failure.text else f": {failure.text}"
    return StorageRefused(
        f"cannot {asked.doing}: {asked.location.server} refuses it to {_key(asked)} "
        f"({failure.code}{said})",
        hint=f"see what the policy of bucket {asked.location.bucket} lets this key do; a file "
        "under Object Lock cannot be deleted before its date, nor any file by an append-only key",
    )


def _key(asked: Asked) -> str:
    return f"the key that ends in {asked.key_end}" if asked.key_end else "the key"


def _no_room(failure: Failure, asked: Asked) -> StorageError:
    return StorageError(
        f"cannot {asked.doing}: {asked.location.server} has no room ({_said(failure)})",
        hint="raise the quota of the bucket, or lpse-ops backup forget --prune; "
        "what was stored before is unharmed",
    )


def _busy(failure: Failure, asked: Asked) -> StorageError:
    return StorageUnavailable(
        f"cannot {asked.doing}: {asked.location.server} says {_said(failure)} "
        f"(HTTP {failure.status}), also when asked again",
        hint="try again later; what was stored before is unharmed",
    )


def _archived(_failure: Failure, asked: Asked) -> StorageError:
    return StorageError(
        f"cannot {asked.doing}: its storage class is an archive",
        hint="bring the objects back first (S3 RestoreObject), and choose another storage_class",
    )


def _elsewhere(failure: Failure, asked: Asked) -> StorageError:
    return StorageError(
        f"cannot {asked.doing}: bucket {asked.location.bucket} is in another region "
        f"({_said(failure)})",
        hint="set its region: s3: {region: ...} of the destination, or AWS_DEFAULT_REGION",
    )


# The first that matches says it.
_EXPLANATIONS: tuple[
    tuple[Callable[[Failure], bool], Callable[[Failure, Asked], StorageError]], ...
] = (
    (lambda f: f.is_missing_bucket, _missing_bucket),
    (lambda f: f.code == "RequestTimeTooSkewed", _skewed),
    (lambda f: f.code in _EXPIRED, _expired),
    (lambda f: f.code in _WRONG_KEY, _wrong_key),
    (lambda f: f.code in _NO_ROOM or f.status == 507, _no_room),
    (lambda f: f.code == "InvalidObjectState", _archived),
    (lambda f: f.status in (301, 307), _elsewhere),
    (lambda f: f.code in _BUSY or f.status in _BUSY_STATUS, _busy),
    (lambda f: f.status in (401, 403), _denied),
)


def unreachable(reason: str, asked: Asked) -> StorageUnavailable:
    return StorageUnavailable(
        f"cannot {asked.doing}: {asked.location.server} does not answer ({_shorten(reason)})",
        hint=f"is the line up? try: curl -sI {asked.location.endpoint}",
    )


def untrusted(reason: str, asked: Asked) -> StorageError:
    return StorageError(
        f"cannot {asked.doing}: the certificate of {asked.location.server} is not to be trusted "
        f"({_shorten(reason)})",
        hint="a server with a CA of its own: AWS_CA_BUNDLE=/path/ca.pem; otherwise somebody may "
        "stand in between: ask who runs it",
    )


def without_key(reason: str, asked: Asked) -> StorageError:
    return StorageError(
        f"cannot {asked.doing}: no key for {asked.location.server} ({_shorten(reason)})",
        hint="set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a profile of "
        "~/.aws/credentials: s3: {profile: NAME}",
    )


def other_content(name: str, location: S3Location) -> StorageError:
    return StorageError(
        f"{name} is at {location} already, with other content",
        hint="run lpse-ops backup check --read-data; nothing was overwritten",
    )
