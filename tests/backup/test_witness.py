"""Checkpoints beside a repository: kept, never replaced, and no trouble to anybody."""

from pathlib import Path

from lpse_ops.backup.storage.local import LocalBackend
from lpse_ops.backup.storage.memory import MemoryBackend
from lpse_ops.backup.storage.s3location import is_retained
from lpse_ops.backup.witness import save_witness, witness_name
from tests.backup.cheap_repository import PASSWORD, init_cheaply
from tests.backup.storing import store
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


def test_restic_passes_over_it(tmp_path: Path, restic: Restic):
    (tmp_path / "one.pdf").write_bytes(b"one")
    root = init_cheaply(tmp_path / "repo")
    store(root, tmp_path / "one.pdf")
    save_witness(LocalBackend(root), "lpse-contoh", 1, b"checkpoint\n")
    restic.run("check", "--read-data", repo=root, password=PASSWORD)
    restic.run("prune", repo=root, password=PASSWORD)
    assert (root / "lpse-ops-log/lpse-contoh/1.txt").read_bytes() == b"checkpoint\n"
