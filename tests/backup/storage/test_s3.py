"""What goes wrong between us and real S3 servers; the promises themselves: test_contract.py."""

import hashlib
import os
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from lpse_ops.backup.storage.backend import CONFIG, FileKind, StoredFile, file_name
from lpse_ops.backup.storage.location import open_backend
from lpse_ops.backup.storage.s3 import S3Backend
from lpse_ops.backup.storage.s3location import S3Options, parse_location
from lpse_ops.backup.storage.s3parts import MULTIPART_BYTES
from lpse_ops.errors import FileMissing, StorageError, StorageRefused, StorageUnavailable
from tests.lab.httpproxy import Answer, Cut, HttpProxy, open_http_proxy, some
from tests.lab.s3 import S3Server
from tests.lab.s3fixtures import OpenS3, open_bucket
from tests.lab.sshd import free_port

pytestmark = pytest.mark.xdist_group("s3")

ID = "ab" * 32
PACK, LOCK = (file_name(kind, ID) for kind in (FileKind.PACK, FileKind.LOCK))
UNSIGNED = "UNSIGNED-PAYLOAD"
SLOW_DOWN = Answer(503, b"<Error><Code>SlowDown</Code><Message>later</Message></Error>")


@pytest.fixture
def proxy(seaweedfs: S3Server) -> Iterator[HttpProxy]:
    with open_http_proxy(seaweedfs.port) as running:
        yield running


@pytest.fixture
def through(proxy: HttpProxy, seaweedfs: S3Server, bucket: str) -> S3Backend:
    """A backend of a new bucket, by way of the proxy."""
    open_bucket(seaweedfs, bucket).prepare()
    return open_bucket(seaweedfs, bucket, endpoint=proxy.endpoint)


@pytest.fixture
def plain(seaweedfs: S3Server, bucket: str) -> S3Backend:
    """The same bucket, without the proxy."""
    return open_bucket(seaweedfs, bucket)


def random_bytes(size: int) -> bytes:
    return os.urandom(1 << 16) * (size // (1 << 16)) + os.urandom(size % (1 << 16))


# --- storing --------------------------------------------------------------------------------------


def test_another_content_under_the_same_name_is_refused(
    seaweedfs_repositories: OpenS3, tmp_path: Path
) -> None:
    backend = seaweedfs_repositories(tmp_path)
    backend.save(PACK, b"what was first")
    with pytest.raises(StorageError, match="with other content"):
        backend.save(PACK, b"what came then")
    assert backend.load(PACK) == b"what was first"


def test_a_server_without_conditions_is_asked_before(
    rclone_repositories: OpenS3, tmp_path: Path
) -> None:
    backend = rclone_repositories(tmp_path)
    backend.save(CONFIG, b"its answer shows what it knows")
    backend.save(PACK, b"what was first")
    with pytest.raises(StorageError, match="with other content"):
        backend.save(PACK, b"what came then")
    assert backend.load(PACK) == b"what was first"


@pytest.mark.parametrize("kind", ["seaweedfs_repositories", "rclone_repositories"])
def test_large_content_goes_in_parts(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    backend: S3Backend = request.getfixturevalue(kind)(tmp_path)
    content = random_bytes(MULTIPART_BYTES + 12345)
    backend.save(PACK, memoryview(content))
    assert list(backend.files(FileKind.PACK)) == [StoredFile(ID, len(content))]
    assert hashlib.sha256(backend.load(PACK)).digest() == hashlib.sha256(content).digest()
    backend.save(PACK, content)
    assert backend.load(PACK, MULTIPART_BYTES, 100) == content[MULTIPART_BYTES:][:100]


def test_a_file_crosses_at_its_pace_and_no_byte_is_counted_twice(plain: S3Backend) -> None:
    """Over http a body is read once more, for its signature."""
    plain.prepare()
    content = random_bytes(200_001)
    pieces: list[int] = []
    plain.pace = pieces.append
    plain.save(PACK, content)
    assert sum(pieces) == len(content)
    assert max(pieces) <= 16 * 1024
    pieces.clear()
    assert plain.load(PACK) == content
    assert plain.load(PACK, 5, 100) == content[5:105]
    assert sum(pieces) == len(content) + 100
    assert max(pieces) <= 16 * 1024


def test_what_is_sent_again_counts_again(through: S3Backend, proxy: HttpProxy) -> None:
    pieces: list[int] = []
    through.pace = pieces.append
    proxy.plan = some(1, SLOW_DOWN, "PUT")
    through.save(PACK, b"x" * 50_000)
    assert sum(pieces) == 2 * 50_000
    assert through.load(PACK) == b"x" * 50_000


def watch_puts(backend: S3Backend, seen: list[str]) -> None:
    """Note what the signature of each says about the content."""

    def note(request: Any, **_about: Any) -> None:
        said = request.headers["X-Amz-Content-SHA256"]
        seen.append(said.decode() if isinstance(said, bytes) else said)

    backend._client._made().meta.events.register("before-send.s3.PutObject", note)


def damage(request: Any, **_about: Any) -> None:
    request.body = b"Content"


def test_content_is_signed_by_its_proof_once_the_server_compares_that(plain: S3Backend) -> None:
    plain.prepare()
    seen: list[str] = []
    watch_puts(plain, seen)
    plain.save(CONFIG, b"its answer shows what it knows")
    plain.save(PACK, b"content")
    assert seen == [hashlib.sha256(b"its answer shows what it knows").hexdigest(), UNSIGNED]
    # It does compare it: nothing else protects the content now.
    plain._client._made().meta.events.register("before-send.s3.PutObject", damage)
    with pytest.raises(StorageUnavailable, match="BadDigest"):
        plain.save(LOCK, b"content")
    assert not plain.exists(LOCK)


def test_a_server_that_compares_only_md5_gets_content_signed(
    rclone_s3: S3Server, bucket: str
) -> None:
    backend = open_bucket(rclone_s3, bucket)
    backend.prepare()
    seen: list[str] = []
    watch_puts(backend, seen)
    backend.save(CONFIG, b"its answer shows what it knows")
    backend.save(PACK, b"content")
    assert seen[1] == hashlib.sha256(b"content").hexdigest()


def test_who_wants_content_signed_gets_it_signed(
    seaweedfs: S3Server,
    plain: S3Backend,
    bucket: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """By the settings of every other client, which a bucket's policy may ask for."""
    plain.prepare()
    settings = tmp_path / "config"
    settings.write_text("[profile admin]\ns3 =\n  payload_signing_enabled = true\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(settings))
    backend = open_bucket(seaweedfs, bucket)
    seen: list[str] = []
    watch_puts(backend, seen)
    backend.save(CONFIG, b"its answer shows what it knows")
    backend.save(PACK, b"content")
    assert seen[1] == hashlib.sha256(b"content").hexdigest()


def test_a_policy_against_content_that_is_not_signed_is_followed(
    through: S3Backend, proxy: HttpProxy
) -> None:
    seen: list[str] = []
    watch_puts(through, seen)
    through.save(CONFIG, b"its answer shows what it knows")
    denied = Answer(403, b"<Error><Code>AccessDenied</Code></Error>")
    proxy.plan = lambda method, _: denied if method == "PUT" and seen[-1] == UNSIGNED else None
    through.save(PACK, b"content")
    through.save(LOCK, b"content")
    signed = hashlib.sha256(b"content").hexdigest()
    assert seen[1:] == [UNSIGNED, signed, signed]
    assert through.load(PACK) == b"content"


def test_parts_of_a_failed_upload_are_given_up(
    through: S3Backend, plain: S3Backend, proxy: HttpProxy
) -> None:
    denied = Answer(403, b"<Error><Code>AccessDenied</Code></Error>")
    proxy.plan = lambda _, path: denied if "partNumber=3" in path else None
    with pytest.raises(StorageRefused):
        through.save(PACK, random_bytes(MULTIPART_BYTES + 1))
    assert not plain.exists(PACK)
    assert any(method == "DELETE" and "uploadId" in path for method, path in proxy.requests)


def test_uploads_that_nobody_ended_go_after_a_day(
    seaweedfs: S3Server, bucket: str, plain: S3Backend
) -> None:
    plain.prepare()
    keys = [f"repo/{PACK}", "repo/somebody-elses", f"other/{PACK}"]
    client = open_client(seaweedfs)
    for key in keys:
        client("create_multipart_upload", Bucket=bucket, Key=key)

    def unfinished() -> list[str]:
        listed = client("list_multipart_uploads", Bucket=bucket).get("Uploads") or []
        return sorted(each["Key"] for each in listed)

    plain.remove_junk()
    assert unfinished() == sorted(keys)
    later = S3Backend(
        parse_location(f"{seaweedfs.endpoint}/{bucket}/repo"),
        S3Options(profile="admin"),
        now=lambda: datetime.now(UTC) + timedelta(days=1, minutes=1),
    )
    later.remove_junk()
    assert unfinished() == sorted(keys[1:])


def open_client(server: S3Server) -> Callable[..., dict]:
    """Any operation of S3, with the administrator's key."""
    from lpse_ops.backup.storage.s3client import S3Client

    location = parse_location(f"{server.endpoint}/any")
    return S3Client(location, S3Options(profile="admin"), lambda: datetime.now(UTC)).call


# --- a line or a server that fails ----------------------------------------------------------------


@pytest.mark.parametrize("trouble", [SLOW_DOWN, Cut(reaches_server=False), Cut()])
def test_a_moment_of_trouble_is_overcome(
    through: S3Backend, plain: S3Backend, proxy: HttpProxy, trouble: Answer | Cut
) -> None:
    proxy.plan = some(1, trouble)
    through.save(PACK, b"content")
    proxy.plan = some(1, trouble)
    assert through.load(PACK) == b"content"
    proxy.plan = some(1, trouble)
    assert list(through.files(FileKind.PACK)) == [StoredFile(ID, 7)]
    proxy.plan = some(1, trouble)
    through.remove(PACK)
    assert not plain.exists(PACK)


def test_a_save_of_which_every_answer_is_lost_is_found_to_be_done(
    through: S3Backend, proxy: HttpProxy
) -> None:
    proxy.plan = lambda method, _: Cut() if method == "PUT" else None
    content = random_bytes(3 << 20)
    through.save(PACK, content)
    assert through.load(PACK) == content


def test_trouble_that_lasts_is_unavailable_and_leaves_nothing(
    through: S3Backend, plain: S3Backend, proxy: HttpProxy
) -> None:
    proxy.plan = lambda method, _: SLOW_DOWN if method == "PUT" else None
    with pytest.raises(StorageUnavailable, match="SlowDown"):
        through.save(PACK, b"content")
    assert not plain.exists(PACK)
    assert [method for method, _ in proxy.requests].count("PUT") == 3


def test_a_server_that_does_not_answer_is_not_asked_more_often_to_read(
    through: S3Backend, proxy: HttpProxy
) -> None:
    proxy.plan = lambda *_: SLOW_DOWN
    with pytest.raises(StorageUnavailable, match="SlowDown"):
        through.load(PACK)
    assert len(proxy.requests) == 3


def test_a_file_that_is_not_there_is_found_out_by_the_second_question(
    through: S3Backend, proxy: HttpProxy
) -> None:
    proxy.plan = lambda method, _: Answer(503) if method == "HEAD" else None
    assert not through.exists(PACK)
    through.save(PACK, b"content")
    assert through.exists(PACK)


def test_the_end_of_an_upload_whose_answer_was_lost_is_found_to_be_done(
    through: S3Backend, plain: S3Backend, proxy: HttpProxy
) -> None:
    content = random_bytes(MULTIPART_BYTES + 1)
    ended = threading.Event()
    unknown = Answer(404, b"<Error><Code>NoSuchUpload</Code><Message>x</Message></Error>")

    def plan(method: str, path: str) -> Answer | Cut | None:
        if method != "POST" or "uploadId" not in path:
            return None
        if ended.is_set():  # as servers answer that forget an upload with its end
            return unknown
        ended.set()
        return Cut()

    proxy.plan = plan
    through.save(PACK, content)
    assert plain.load(PACK) == content


def test_an_answer_that_is_cut_short_is_read_again_and_never_taken_for_whole(
    through: S3Backend, proxy: HttpProxy
) -> None:
    content = random_bytes(2 << 20)
    through.save(PACK, content)
    proxy.plan = some(2, Cut(after_bytes=1 << 20), "GET")
    assert through.load(PACK) == content
    proxy.plan = lambda method, _: Cut(after_bytes=1000) if method == "GET" else None
    for offset, length in ((0, None), (5, None), (5, 100_000)):
        with pytest.raises(StorageUnavailable):
            through.load(PACK, offset, length)


@pytest.mark.parametrize(
    "answer",
    [
        b"<html>login here</html>",
        b"<ListBucketResult><Name>x</Name><IsTruncated>false</IsTruncated>"
        b"<Contents><Size>x</Size></Contents></ListBucketResult>",
        b"<ListBucketResult><Name>x</Name></ListBucketResult>",
        b"<ListBucketResult><Name>x</Name><IsTruncated>true</IsTruncated></ListBucketResult>",
        b"<ListBucketResult><Name>x</Name><IsTruncated>true</IsTruncated>"
        b"<NextContinuationToken>again</NextContinuationToken></ListBucketResult>",
        b"<ListBucketResult><Contents>",
        b"no XML at all",
    ],
)
def test_a_list_that_no_s3_server_gives_is_an_error(
    through: S3Backend, proxy: HttpProxy, answer: bytes
) -> None:
    proxy.plan = lambda *_: Answer(200, answer)
    with pytest.raises(StorageError) as refused:
        list(through.files(FileKind.PACK))
    assert refused.value.hint
    assert len(proxy.requests) < 5


LISTED = b"<ListBucketResult><Name>x</Name><IsTruncated>%b</IsTruncated>%b</ListBucketResult>"


@pytest.mark.parametrize(
    "answer", [Answer(404), Answer(404, b"<html>no such page</html>"),
               Answer(404, b"<Error><Code>NoSuchKey</Code></Error>")],
    ids=["mute", "page", "key"],
)  # fmt: skip
def test_only_a_bucket_that_is_not_there_is_empty(
    through: S3Backend, proxy: HttpProxy, answer: Answer
) -> None:
    """Whoever prunes would take all packs for unused."""
    through.save(PACK, b"content")
    proxy.plan = lambda *_: answer
    with pytest.raises(StorageError, match="cannot list data"):
        list(through.files(FileKind.PACK))


def test_half_a_list_is_no_list(through: S3Backend, proxy: HttpProxy) -> None:
    page = Answer(200, LISTED % (b"true", b"<NextContinuationToken>2</NextContinuationToken>"))
    gone = Answer(404, b"<Error><Code>NoSuchBucket</Code></Error>")
    proxy.plan = lambda _, path: gone if "continuation-token" in path else page
    with pytest.raises(StorageError, match="there is no bucket"):
        list(through.files(FileKind.PACK))


def test_a_file_of_less_than_nothing(through: S3Backend, proxy: HttpProxy) -> None:
    entry = f"<Contents><Key>repo/{PACK}</Key><Size>-3</Size></Contents>".encode()
    proxy.plan = lambda *_: Answer(200, LISTED % (b"false", entry))
    with pytest.raises(StorageError, match="no S3 server"):
        list(through.files(FileKind.PACK))


def test_a_login_page_has_stored_nothing(through: S3Backend, proxy: HttpProxy) -> None:
    proxy.plan = lambda *_: Answer(200, b"<html>login here</html>")
    with pytest.raises(StorageError, match="no S3 server"):
        through.save(PACK, b"content")


def test_another_range_than_asked_for_is_not_taken(through: S3Backend, proxy: HttpProxy) -> None:
    proxy.plan = lambda *_: Answer(200, b"0123456789")
    with pytest.raises(StorageError, match="no S3 server"):
        through.load(PACK, 3, 4)


def test_nobody_at_the_port(aws_profiles: Path) -> None:
    location = parse_location(f"http://127.0.0.1:{free_port()}/lpse/repo")
    backend = S3Backend(location, S3Options(profile="admin"))
    with pytest.raises(StorageUnavailable, match="refused") as unreachable:
        backend.exists(CONFIG)
    assert "curl -sI http://127.0.0.1:" in unreachable.value.hint
    backend.remove_junk()


def test_a_server_killed_while_it_is_written_to_loses_nothing(
    seaweedfs: S3Server, bucket: str
) -> None:
    backend = open_bucket(seaweedfs, bucket)
    backend.prepare()
    contents = [random_bytes((1 << 20) + number) for number in range(60)]
    names = {file_name(FileKind.PACK, hashlib.sha256(each).hexdigest()): each for each in contents}
    stored: list[str] = []
    enough = threading.Event()

    def save(name: str) -> None:
        backend.save(name, names[name])
        stored.append(name)
        if len(stored) == 20:
            enough.set()

    with ThreadPoolExecutor(4) as threads:
        saves = [threads.submit(save, name) for name in names]
        assert enough.wait(60)
        seaweedfs.kill()
        failed = [each for each in saves if each.exception() is not None]
    assert failed
    seaweedfs.start()
    wait_until_it_reads(backend, stored[0])
    assert all(backend.load(name) == names[name] for name in stored)
    for name, content in names.items():
        backend.save(name, content)
    assert sorted(file.id for file in backend.files(FileKind.PACK)) == sorted(
        name.rpartition("/")[2] for name in names
    )


def wait_until_it_reads(backend: S3Backend, name: str) -> None:
    """A server that answers again may still be looking for its volumes."""
    give_up = datetime.now(UTC) + timedelta(seconds=60)
    while True:
        try:
            backend.load(name)
        except StorageError:
            if datetime.now(UTC) > give_up:
                raise
        else:
            return


# --- keys, buckets, certificates ------------------------------------------------------------------


def test_a_wrong_secret_is_told_by_the_end_of_the_key_id(
    seaweedfs: S3Server, plain: S3Backend, bucket: str
) -> None:
    plain.prepare()
    wrong = open_bucket(seaweedfs, bucket, profile="wrong")
    with pytest.raises(StorageRefused, match="SignatureDoesNotMatch") as refused:
        wrong.exists(CONFIG)
    assert "the key that ends in ESTS" in refused.value.message
    assert "not-the-secret" not in refused.value.message + refused.value.hint


def test_a_key_that_may_only_read(seaweedfs: S3Server, plain: S3Backend, bucket: str) -> None:
    plain.prepare()
    plain.save(PACK, b"content")
    reader = open_bucket(seaweedfs, bucket, profile="reader")
    assert reader.load(PACK) == b"content"
    assert list(reader.files(FileKind.PACK)) == [StoredFile(ID, 7)]
    with pytest.raises(StorageRefused, match="cannot store locks/"):
        reader.save(LOCK, b"x")
    with pytest.raises(StorageRefused, match="cannot delete data/"):
        reader.remove(PACK)
    assert plain.load(PACK) == b"content"


def test_no_key_at_all(seaweedfs: S3Server) -> None:
    backend = open_bucket(seaweedfs, "lpse", profile="nobody")
    with pytest.raises(StorageError, match="no key for") as without:
        backend.exists(CONFIG)
    assert "AWS_ACCESS_KEY_ID" in without.value.hint


def test_a_key_that_cannot_be_renewed(
    rclone_s3: S3Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The key is read twice when a client is made, and expired when it is used."""
    soon = (datetime.now(UTC) + timedelta(seconds=1)).isoformat()
    (tmp_path / "key").write_text(
        '{"Version": 1, "AccessKeyId": "AKIAWILLEXPIRE00", "SecretAccessKey": "secret", '
        f'"SessionToken": "token", "Expiration": "{soon}"}}'
    )
    program = f"sh -c 'mv {tmp_path}/key {tmp_path}/used && cat {tmp_path}/used'"
    (tmp_path / "config").write_text(f"[profile short]\ncredential_process = {program}\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    backend = open_bucket(rclone_s3, "lpse", profile="short")
    with pytest.raises(StorageError, match="no key for"):
        backend.exists(CONFIG)


def test_a_bucket_that_is_not_there(plain: S3Backend, bucket: str) -> None:
    assert not plain.exists(CONFIG)
    assert list(plain.files(FileKind.KEY)) == []
    for act in (lambda: plain.load(CONFIG), lambda: plain.save(CONFIG, b"x")):
        with pytest.raises(StorageError, match=f"there is no bucket {bucket}") as missing:
            act()
        assert not isinstance(missing.value, FileMissing)
        assert f"lpse-ops backup init --repo {plain.location}" in missing.value.hint
    plain.prepare()
    plain.prepare()
    plain.save(CONFIG, b"x")
    assert plain.exists(CONFIG)


def test_a_clock_that_is_wrong_is_told(through: S3Backend, proxy: HttpProxy) -> None:
    skewed = b"<Error><Code>RequestTimeTooSkewed</Code><Message>x</Message></Error>"
    server_time = datetime.now(UTC) + timedelta(hours=2)
    date = server_time.strftime("%a, %d %b %Y %H:%M:%S GMT")
    proxy.plan = lambda method, _: Answer(403, b"" if method == "HEAD" else skewed,
                                          (("Date", date),))  # fmt: skip
    with pytest.raises(StorageError, match="120 minutes behind"):
        through.exists(CONFIG)


def test_a_certificate_of_nobody_knows_whom_is_not_trusted(
    aws_profiles: Path, tmp_path: Path
) -> None:
    argv = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"]
    argv += ["-subj", "/CN=127.0.0.1", "-keyout", "key.pem", "-out", "cert.pem"]
    subprocess.run(argv, cwd=tmp_path, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        server.handle_error = lambda *_: None  # type: ignore[method-assign]
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        place = f"s3:https://127.0.0.1:{server.server_address[1]}/lpse/repo"
        with pytest.raises(StorageError, match="certificate of 127") as untrusted:
            open_backend(place, {"profile": "admin"}).exists(CONFIG)
        server.shutdown()
        thread.join()
    assert "AWS_CA_BUNDLE" in untrusted.value.hint
    assert not isinstance(untrusted.value, StorageUnavailable)


# --- retention ------------------------------------------------------------------------------------


def test_object_lock_holds_everything_but_locks(seaweedfs: S3Server, bucket: str) -> None:
    told: list[str] = []
    backend = open_bucket(seaweedfs, bucket, retention=timedelta(days=30), notice=told.append)
    backend.prepare()
    names = [CONFIG, *(file_name(kind, ID) for kind in FileKind)]
    for name in names:
        backend.save(name, b"kept")
    client = open_client(seaweedfs)
    versions = client("list_object_versions", Bucket=bucket)["Versions"]
    refused = set()
    for each in versions:
        about = {"Bucket": bucket, "Key": each["Key"], "VersionId": each["VersionId"]}
        try:
            client("delete_object", **about)
        except Exception:  # what the server says no with
            refused.add(each["Key"].removeprefix("repo/"))
    assert refused == set(names) - {LOCK}
    assert told == []


def test_what_is_removed_under_object_lock_is_hidden_and_said_so_once(
    seaweedfs: S3Server, bucket: str
) -> None:
    told: list[str] = []
    backend = open_bucket(seaweedfs, bucket, retention=timedelta(days=30), notice=told.append)
    backend.prepare()
    index = file_name(FileKind.INDEX, ID)
    for name in (PACK, index, LOCK):
        backend.save(name, b"kept")
    backend.remove(LOCK)
    assert told == []
    backend.remove(PACK)
    backend.remove(index)
    assert not backend.exists(PACK)
    assert [list(backend.files(kind)) for kind in FileKind] == [[], [], [], [], []]
    [text] = told
    until = datetime.now(UTC) + timedelta(days=30)
    assert f"bucket {bucket} keeps what is deleted" in text
    assert f"until {until.astimezone():%Y-%m-%d}" in text
    # The name may be used again: a delete marker is no file.
    backend.save(PACK, b"kept")
    assert backend.load(PACK) == b"kept"


def test_without_settings_the_date_is_asked_of_the_server(seaweedfs: S3Server, bucket: str) -> None:
    open_bucket(seaweedfs, bucket, retention=timedelta(days=3)).prepare()
    open_bucket(seaweedfs, bucket, retention=timedelta(days=3)).save(PACK, b"kept")
    told: list[str] = []
    open_bucket(seaweedfs, bucket, notice=told.append).remove(PACK)
    assert f"{datetime.now(UTC) + timedelta(days=3):%Y-%m-%d}" in told[0]


def test_a_bucket_without_object_lock_cannot_promise_retention(
    seaweedfs: S3Server, plain: S3Backend, bucket: str
) -> None:
    plain.prepare()
    promised = open_bucket(seaweedfs, bucket, retention=timedelta(days=30))
    with pytest.raises(StorageError, match="has no Object Lock") as refused:
        promised.prepare()
    assert "take retention out" in refused.value.hint


def test_options_of_the_settings_reach_the_server(seaweedfs: S3Server, bucket: str) -> None:
    backend = open_bucket(
        seaweedfs, bucket, retention=timedelta(days=2), retention_mode="compliance",
        storage_class="STANDARD_IA",
    )  # fmt: skip
    backend.prepare()
    backend.save(PACK, b"kept")
    head = open_client(seaweedfs)("head_object", Bucket=bucket, Key=f"repo/{PACK}")
    assert head["ObjectLockMode"] == "COMPLIANCE"
    assert head["StorageClass"] == "STANDARD_IA"
