"""A repository in a bucket of any S3 server, under the names and with the bytes of restic's.

spec/restic-format.md, sections 2 and 14: one PutObject stores one file whole or not at all, its
content proved by a checksum that the server compares, and never over another file.  Credentials
come from the usual chain (AWS_* variables, a profile, the machine's role) and are kept nowhere.
"""

import contextlib
import hashlib
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import Any

from lpse_ops.backup.crypto import Buffer
from lpse_ops.backup.storage.backend import FileKind, StoredFile
from lpse_ops.backup.storage.byname import ByName
from lpse_ops.backup.storage.limit import Pace, no_pace
from lpse_ops.backup.storage.memory import missing
from lpse_ops.backup.storage.s3answers import (
    beyond_end,
    ensure_list,
    ensure_range,
    ensure_stored,
    read_body,
)
from lpse_ops.backup.storage.s3bucket import Notice, S3Bucket, silent
from lpse_ops.backup.storage.s3client import Refusal, S3Client
from lpse_ops.backup.storage.s3errors import other_content
from lpse_ops.backup.storage.s3location import (
    NO_OPTIONS,
    S3Location,
    S3Options,
    find_file_id,
    is_repository_file,
    is_retained,
    parse_location,
)
from lpse_ops.backup.storage.s3parts import MULTIPART_BYTES, MemoryBody, Part, plan_parts
from lpse_ops.backup.storage.s3ways import FIRST_WAYS, PutWays, fall_back, headers, learn, md5
from lpse_ops.errors import StorageError, StorageUnavailable

_JUNK_AFTER = timedelta(days=1)
_PARTS_AT_ONCE = 4
_BODY_BYTES = 1 << 20
_LOAD_TRIES = 3
# Of up to a thousand names each; no repository has so many.
_MAX_PAGES = 20_000


class _BrokenOff(StorageUnavailable):
    """An answer that has begun to come, and did not come to its end."""


class S3Backend:
    """Passes the contract of ``Backend``; may be used from several threads.

    ``notice`` is told, once, what a user should know although nothing failed.  ``client`` is one
    that another backend of the same server and key uses already.
    """

    def __init__(
        self,
        location: S3Location,
        options: S3Options = NO_OPTIONS,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        notice: Notice = silent,
        client: S3Client | None = None,
    ) -> None:
        self._location = location
        self._options = options
        self._now = now
        self._client = client or S3Client(location, options, now)
        self._bucket = S3Bucket(self._client, location, options, now, notice)
        self._ways = FIRST_WAYS
        self._saving = ByName()
        self.pace: Pace = no_pace

    @property
    def location(self) -> str:
        return str(self._location)

    def prepare(self) -> None:
        """Make the bucket if there is none, as restic does."""
        self._bucket.prepare()

    def exists(self, name: str) -> bool:
        return self._size(name) is not None

    def save(self, name: str, content: Buffer) -> None:
        view = memoryview(content).cast("B")
        try:
            with self._saving.alone(name), self._client.errors(f"store {name}"):
                if self._ways.looks_first and self._is_stored(name, view):
                    return
                if len(view) > MULTIPART_BYTES:
                    self._put_parts(name, view)
                else:
                    self._put_whole(name, view)
        except StorageUnavailable as error:
            # The answer may be lost, or the connection was closed because the file exists.
            if error.silent_seconds or not self._is_stored(name, view):
                raise

    def load(self, name: str, offset: int = 0, length: int | None = None) -> bytes:
        if length == 0:
            if not self.exists(name):
                raise missing(name)
            return b""
        for _ in range(_LOAD_TRIES - 1):
            # The client asks again where there is no answer, not where one breaks off.
            with contextlib.suppress(_BrokenOff):
                return self._get(name, offset, length)
        return self._get(name, offset, length)

    def remove(self, name: str) -> None:
        """Delete the file; a bucket with versions only hides it, which is told once."""
        with self._client.errors(f"delete {name}"):
            try:
                answer = self._client.call("delete_object", **self._about(name))
            except Refusal as refusal:
                if not refusal.failure.is_missing_file:
                    raise
                return
        if answer.get("DeleteMarker") and is_retained(name):
            self._bucket.tell_kept(self._location.key(name))

    def files(self, kind: FileKind) -> Iterator[StoredFile]:
        """In order of the ids, which is the order that S3 lists in."""
        for page in self._pages(kind):
            with self._client.errors(f"list {kind}"):
                found = [self._read_entry(kind, each) for each in page.get("Contents") or ()]
            yield from (file for file in found if file is not None)

    def remove_junk(self) -> None:
        """Give up uploads in parts that were begun more than a day ago and never ended."""
        with contextlib.suppress(StorageError), self._client.errors("list unfinished uploads"):
            bucket, prefix = self._location.bucket, self._location.key("")
            answer = self._client.call("list_multipart_uploads", Bucket=bucket, Prefix=prefix)
            for each in answer.get("Uploads") or ():
                name = self._location.name(str(each["Key"]))
                is_ours = name is not None and is_repository_file(name)
                if is_ours and each["Initiated"] < self._now() - _JUNK_AFTER:
                    self._abort({"Bucket": bucket, "Key": each["Key"]}, each["UploadId"])

    # -- storing -----------------------------------------------------------------------------

    def _about(self, name: str) -> dict[str, Any]:
        return {"Bucket": self._location.bucket, "Key": self._location.key(name)}

    def _about_new(self, name: str) -> dict[str, Any]:
        """What a new object is, and how long it shall stay."""
        about = {**self._about(name), "ContentType": "application/octet-stream"}
        if self._options.storage_class and is_retained(name):
            about["StorageClass"] = self._options.storage_class
        if self._options.retention and is_retained(name):
            about["ObjectLockMode"] = self._options.retention_mode.upper()
            about["ObjectLockRetainUntilDate"] = self._now() + self._options.retention
        return about

    def _put_whole(self, name: str, view: memoryview) -> None:
        # A pack is sent from where it stands; copying a small file costs next to nothing.
        is_small = len(view) < _BODY_BYTES and self.pace is no_pace
        small = bytes(view) if is_small else None
        sha256 = b64encode(hashlib.sha256(view).digest()).decode("ascii")
        ways = self._ways
        while True:
            body = MemoryBody(view, self.pace) if small is None else small
            arguments = {**self._about_new(name), **headers(ways, view, sha256)}
            try:
                answer = self._client.call("put_object", Body=body, **arguments)
            except Refusal as refusal:
                if refusal.failure.status == 412:
                    self._refuse_other(name, view)
                    return
                ways = self._next_ways(ways, refusal)
            else:
                ensure_stored(answer)
                self._ways = learn(ways, answer.get("ChecksumSHA256"), sha256)
                return

    def _next_ways(self, ways: PutWays, refusal: Refusal) -> PutWays:
        following = fall_back(ways, refusal.failure)
        if following is None:
            raise refusal
        return following

    def _put_parts(self, name: str, view: memoryview) -> None:
        about = self._about(name)
        upload = self._client.call("create_multipart_upload", **self._about_new(name))["UploadId"]

        def send(part: Part) -> dict[str, Any]:
            piece = view[part.offset : part.offset + part.size_bytes]
            arguments = {**about, "UploadId": upload, "PartNumber": part.number}
            answer = self._client.call(
                "upload_part", Body=MemoryBody(piece, self.pace), ContentMD5=md5(piece), **arguments
            )
            return {"PartNumber": part.number, "ETag": answer["ETag"]}

        try:
            with ThreadPoolExecutor(_PARTS_AT_ONCE) as threads:
                parts = list(threads.map(send, plan_parts(len(view))))
            self._complete({**about, "UploadId": upload, "MultipartUpload": {"Parts": parts}})
        except BaseException as error:
            self._abort(about, upload)
            if not (isinstance(error, Refusal) and error.failure.status == 412):
                raise
            self._refuse_other(name, view)

    def _complete(self, arguments: dict[str, Any]) -> None:
        condition = {"IfNoneMatch": "*"} if self._ways.is_conditional else {}
        try:
            self._client.call("complete_multipart_upload", **arguments, **condition)
        except Refusal as refusal:
            if not condition or refusal.failure.status != 501:
                raise
            self._client.call("complete_multipart_upload", **arguments)

    def _abort(self, about: Mapping[str, Any], upload: str) -> None:
        with contextlib.suppress(StorageError), self._client.errors("give up an upload"):
            self._client.call("abort_multipart_upload", **about, UploadId=upload)

    def _is_stored(self, name: str, view: memoryview) -> bool:
        """Whether the file is there with this very content; another content is an error."""
        try:
            size = self._size(name)
            if size is None:
                return False
            if size == len(view) and self.load(name) == view:
                return True
        except StorageUnavailable:
            return False
        raise other_content(name, self._location)

    def _refuse_other(self, name: str, view: memoryview) -> None:
        if not self._is_stored(name, view):
            raise StorageUnavailable(
                f"cannot store {name}: the server says that it exists, and cannot show it",
                hint="does somebody else delete in this bucket? run the command again",
            )

    # -- reading -----------------------------------------------------------------------------

    def _size(self, name: str) -> int | None:
        """The file's size, None if there is no such file."""
        with self._client.errors(f"look for {name}"):
            try:
                return int(self._client.call("head_object", **self._about(name))["ContentLength"])
            except Refusal as refusal:
                if refusal.failure.status == 404:
                    return None
                if not refusal.failure.is_mute:
                    raise
            # Only the answer to a GET says why.
            try:
                answer = self._client.call("get_object", **self._about(name))
            except Refusal as refusal:
                if refusal.failure.is_missing_file:
                    return None
                raise
            answer["Body"].close()
            return int(answer["ContentLength"])

    def _get(self, name: str, offset: int, length: int | None) -> bytes:
        about = self._about(name)
        if offset or length is not None:
            last = "" if length is None else offset + length - 1
            about["Range"] = f"bytes={offset}-{last}"
        with self._client.errors(f"read {name}"):
            try:
                answer = self._client.call("get_object", **about)
            except Refusal as refusal:
                if refusal.failure.status == 416:
                    return beyond_end(name, length)
                if refusal.failure.is_missing_file:
                    raise missing(name) from refusal
                raise
            with contextlib.closing(answer["Body"]) as body:
                ensure_range(answer, offset)
                return self._read(name, body, int(answer["ContentLength"]), length)

    def _read(self, name: str, body: Any, size_bytes: int, length: int | None) -> bytes:
        try:
            with self._client.errors(f"read {name}"):
                return read_body(name, body, size_bytes, length, self.pace)
        except StorageUnavailable as error:
            raise _BrokenOff(error.message, hint=error.hint) from error

    def _pages(self, kind: FileKind) -> Iterator[dict[str, Any]]:
        """The pages of a list; a bucket that is not there has none.

        Nothing else passes for empty, nor half a list for a whole: prune believes what it is told.
        """
        prefix = self._location.key(f"{kind}/")
        about: dict[str, Any] = {"Bucket": self._location.bucket, "Prefix": prefix}
        for _ in range(_MAX_PAGES):
            with self._client.errors(f"list {kind}"):
                try:
                    page = self._client.call("list_objects_v2", **about)
                    ensure_list(page)
                except Refusal as refusal:
                    if refusal.failure.is_missing_bucket and "ContinuationToken" not in about:
                        return
                    raise
            yield page
            if not page.get("IsTruncated"):
                return
            token = page.get("NextContinuationToken")
            if not token or token == about.get("ContinuationToken"):
                break
            about["ContinuationToken"] = token
        raise StorageError(
            f"cannot list {kind}: the list of {self._location.server} has no end",
            hint=f"is {self._location.endpoint} an S3 server? try it with rclone lsf",
        )

    def _read_entry(self, kind: FileKind, entry: Mapping[str, Any]) -> StoredFile | None:
        name = self._location.name(str(entry["Key"]))
        file_id = find_file_id(kind, name) if name else None
        if not file_id:
            return None
        size_bytes = int(entry["Size"])
        if size_bytes < 0:
            raise ValueError("a size below nothing")
        return StoredFile(file_id, size_bytes)


def open_s3(rest: str, options: Mapping[str, Any]) -> S3Backend:
    """``rest`` stands behind ``s3:``; options are the fields of ``S3Options``, and ``notice``."""
    known = {each.name for each in fields(S3Options)}
    return S3Backend(
        parse_location(rest),
        S3Options(**{name: value for name, value in options.items() if name in known}),
        notice=options.get("notice") or silent,
    )
