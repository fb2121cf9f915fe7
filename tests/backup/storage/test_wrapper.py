"""What test_contract.py does not ask of a wrapper: that every operation reaches the one inside."""

import os
import time
from pathlib import Path

from lpse_ops.backup.storage.backend import FileKind, file_name
from lpse_ops.backup.storage.local import LocalBackend
from lpse_ops.backup.storage.wrapper import BackendWrapper


def test_a_new_place_is_laid_out_and_cleared_of_junk_inside(tmp_path: Path) -> None:
    wrapped = BackendWrapper(LocalBackend(tmp_path))
    wrapped.prepare()
    assert {each.value for each in FileKind} <= set(os.listdir(tmp_path))
    junk = tmp_path / f"{file_name(FileKind.INDEX, 'ab' * 32)}-tmp-12345678"
    junk.touch()
    two_days_ago = time.time() - 2 * 24 * 3600
    os.utime(junk, (two_days_ago, two_days_ago))
    wrapped.remove_junk()
    assert not junk.exists()
    assert wrapped.location == str(tmp_path)


def test_who_overrides_one_operation_changes_that_one_alone(tmp_path: Path) -> None:
    class Shouting(BackendWrapper):
        def load(self, name: str, offset: int = 0, length: int | None = None) -> bytes:
            return super().load(name, offset, length).upper()

    inner = LocalBackend(tmp_path)
    shouting = Shouting(inner)
    shouting.save("config", b"quiet")
    assert (shouting.load("config", 1, 2), inner.load("config")) == (b"UI", b"quiet")
    shouting.remove("config")
    assert not inner.exists("config")
