"""Checkpoints beside a repository: kept, never replaced, and no trouble to anybody."""

from datetime import timedelta
from pathlib import Path

import pytest

from lpse_ops.backup.storage.local import LocalBackend
from lpse_ops.backup.storage.memory import MemoryBackend
from lpse_ops.backup.storage.s3client import Refusal
from lpse_ops.backup.storage.s3location import is_retained
from lpse_ops.backup.witness import save_witness, witness_name
from tests.backup.cheap_repository import PASSWORD, init_cheaply
from tests.backup.storing import store
from tests.lab.s3 import S3Server
from tests.lab.s3fixtures import open_bucket
from tests.restic_binaries import Restic


def test_what_is_kept_is_never_replaced():
    backend = MemoryBackend()
    name = save_witness(backend, "lpse-contoh", 12, b"the truth")
    assert name == "lpse-ops-log/lpse-contoh/12.txt"
    assert save_witness(backend, "lpse-contoh", 12, b"another one") == name
    assert backend.load(name) == b"the truth"


def test_object_lock_holds_it():
    assert is_retained(witness_name("lpse-contoh", 12))
    assert not is_retained("lpse-ops-logs/12.txt")


@pytest.mark.xdist_group("s3")
def test_a_server_with_object_lock_lets_nobody_destroy_it(seaweedfs: S3Server, bucket: str):
    """Not even the key that stored it, by the version's own id; a hidden one is still there."""
    backend = open_bucket(seaweedfs, bucket, retention=timedelta(days=30))
    backend.prepare()
    name = save_witness(backend, "lpse-contoh", 12, b"the truth")
    call = backend._client.call
    [stored] = call("list_object_versions", Bucket=bucket, Prefix=f"repo/{name}")["Versions"]
    about = {"Bucket": bucket, "Key": stored["Key"], "VersionId": stored["VersionId"]}
    backend.remove(name)
    backend.save(name, b"a forgery")
    with pytest.raises(Refusal) as refused:
        call("delete_object", **about)
    assert refused.value.failure.status == 403
    assert call("get_object", **about)["Body"].read() == b"the truth"


def test_restic_passes_over_it(tmp_path: Path, restic: Restic):
    (tmp_path / "one.pdf").write_bytes(b"one")
    root = init_cheaply(tmp_path / "repo")
    store(root, tmp_path / "one.pdf")
    save_witness(LocalBackend(root), "lpse-contoh", 1, b"checkpoint\n")
    restic.run("check", "--read-data", repo=root, password=PASSWORD)
    restic.run("prune", repo=root, password=PASSWORD)
    assert (root / "lpse-ops-log/lpse-contoh/1.txt").read_bytes() == b"checkpoint\n"
