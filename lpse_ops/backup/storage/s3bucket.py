"""The bucket that holds a repository: made by ``init``, and what becomes of deleted files in it."""

import contextlib
import threading
from collections.abc import Callable
from datetime import datetime
from typing import Any

from lpse_ops.backup.storage.s3client import Refusal, S3Client
from lpse_ops.backup.storage.s3location import S3Location, S3Options
from lpse_ops.errors import StorageError

# Amazon makes a bucket here when told nothing, and refuses to be told so.
_UNNAMED_REGION = "us-east-1"

Notice = Callable[[str], None]


def silent(_text: str) -> None:
    """Nobody is told."""


class S3Bucket:
    """``notice`` is told, once, what a user should know although nothing failed."""

    def __init__(
        self,
        client: S3Client,
        location: S3Location,
        options: S3Options,
        now: Callable[[], datetime],
        notice: Notice,
    ) -> None:
        self._client = client
        self._name = location.bucket
        self._is_aws = location.is_aws
        self._options = options
        self._now = now
        self._notice = notice
        self._lock = threading.Lock()
        self._has_told = False

    def prepare(self) -> None:
        """Make it, unless it is there; raises if it cannot hold what the options promise."""
        with self._client.errors(f"make bucket {self._name}"):
            if self._exists():
                self._refuse_without_lock()
                return
            about: dict[str, Any] = {}
            if self._is_aws and self._client.region != _UNNAMED_REGION:
                about["CreateBucketConfiguration"] = {"LocationConstraint": self._client.region}
            if self._options.retention:
                about["ObjectLockEnabledForBucket"] = True
            self._client.call("create_bucket", Bucket=self._name, **about)

    def _exists(self) -> bool:
        try:
            self._client.call("head_bucket", Bucket=self._name)
        except Refusal as refusal:
            # A key may be allowed to use a bucket and not to ask about it; 301: another region.
            if refusal.failure.status not in (301, 403, 404):
                raise
            return refusal.failure.status != 404
        return True

    def _refuse_without_lock(self) -> None:
        if not self._options.retention:
            return
        facts: dict[str, Any] = {}
        try:
            answer = self._client.call("get_object_lock_configuration", Bucket=self._name)
            facts = answer.get("ObjectLockConfiguration") or {}
        except Refusal as refusal:
            if refusal.failure.status == 403:  # the first file that is stored will tell
                return
        if facts.get("ObjectLockEnabled") != "Enabled":
            raise StorageError(
                f"bucket {self._name} has no Object Lock, so nothing in it can be retained",
                hint="only a new bucket can have it: name one that does not exist yet, or take "
                "retention out of lpse-ops.yml",
            )

    def tell_kept(self, key: str) -> None:
        """To be called when the deletion of an object only hid it."""
        with self._lock:
            if self._has_told:
                return
            self._has_told = True
        until = self._retained_until(key)
        lock = f", under Object Lock until {until:%Y-%m-%d %H:%M %z} at the latest" if until else ""
        self._notice(
            f"bucket {self._name} keeps what is deleted as old versions{lock}; "
            "their room is given back when they expire"
        )

    def _retained_until(self, key: str) -> datetime | None:
        """When the last of what is stored now may go; None if nothing is known to hold it."""
        if self._options.retention:
            return (self._now() + self._options.retention).astimezone()
        with contextlib.suppress(StorageError), self._client.errors("ask for the retention"):
            listed = self._client.call(
                "list_object_versions", Bucket=self._name, Prefix=key, MaxKeys=10
            )
            version = listed["Versions"][0]["VersionId"]
            answer = self._client.call(
                "get_object_retention", Bucket=self._name, Key=key, VersionId=version
            )
            until: datetime = answer["Retention"]["RetainUntilDate"]
            return until.astimezone()
        return None
