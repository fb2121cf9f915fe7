"""``backup verify`` beside restic's own check: what came with a snapshot is proved, and no more."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from lpse_ops.errors import PostgresError
from lpse_ops.postgres.dumplist import list_dump
from lpse_ops.postgres.installation import Installation
from tests.backup.cheap_repository import PASSWORD
from tests.cli.commands import Ended, lpse_ops
from tests.postgres.servers import Server
from tests.restic_binaries import Restic


class Backups:
    """A repository with two snapshots of documents and a database; the second has more of both."""

    def __init__(self, repo: Path, password: Path, docs: Path, server: Server) -> None:
        self._at = ("--repo", repo, "--password-file", password)
        self._url = server.cluster.url(name := server.new_database())
        self.repo = repo
        self.docs = docs
        self.name = name
        server.execute("CREATE TABLE paket AS SELECT generate_series(1, 2000) id", name=name)
        self.first = self.take()
        self.old_packs = self.packs()
        (docs / "baru.rhs").write_bytes(os.urandom(900_000))
        server.execute("CREATE TABLE peserta AS SELECT generate_series(1, 9) id", name=name)
        self.second = self.take()
        self.new_packs = self.packs() - self.old_packs

    def run(self, command: str, *args: str | Path) -> Ended:
        return lpse_ops("backup", command, *args, *self._at)

    def take(self) -> str:
        ended = self.run("run", self.docs, "--database", self._url, "--format", "json")
        assert ended.code == 0, ended.stderr
        snapshot = json.loads(ended.stdout)["snapshot"]
        return str(snapshot["id"] if isinstance(snapshot, dict) else snapshot)

    def verify(self, snapshot: str) -> tuple[int, dict[str, Any]]:
        ended = self.run("verify", snapshot, "--format", "json")
        return ended.code, ended.json()

    def packs(self) -> set[Path]:
        return {path for path in (self.repo / "data").rglob("*") if path.is_file()}


@pytest.fixture
def backups(repo: Path, password: Path, docs: Path, server: Server) -> Backups:
    return Backups(repo, password, docs, server)


def flip(path: Path) -> None:
    """In the middle: of a blob, never of the header."""
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 1
    path.chmod(0o600)
    path.write_bytes(content)


def is_whole(restic: Restic, backups: Backups) -> bool:
    done = restic.run("check", "--read-data", repo=backups.repo, password=PASSWORD, check=False)
    return done.returncode == 0


def test_what_came_with_a_snapshot_is_proved(backups: Backups, restic_new: Restic):
    assert is_whole(restic_new, backups)
    code, proof = backups.verify(backups.second)
    assert (code, proof["errors"], proof["parent"]) == (0, [], backups.first)
    assert proof["packs_read"] == len(backups.new_packs)
    assert proof["bytes_read"] == sum(path.stat().st_size for path in backups.new_packs)
    assert proof["databases"] == [
        {
            "name": backups.name,
            "database": backups.name,
            "entries": proof["databases"][0]["entries"],
            "tables": 2,
        }
    ]
    code, proof = backups.verify(backups.first)
    assert (code, proof["parent"], proof["packs_read"]) == (0, None, len(backups.old_packs))
    text = backups.run("verify", "latest")
    assert "every blob proved" in text.stdout
    assert "2 tables with data" in text.stdout


def test_each_flipped_pack_of_a_snapshot_is_found(backups: Backups, restic_new: Restic):
    for pack in sorted(backups.new_packs):
        content = pack.read_bytes()
        flip(pack)
        code, proof = backups.verify(backups.second)
        assert (code, pack.name[:10] in str(proof["errors"])) == (1, True), proof
        pack.write_bytes(content)
    assert is_whole(restic_new, backups)


def test_what_was_there_before_is_left_to_the_check(backups: Backups, restic_new: Restic):
    largest = max(backups.old_packs, key=lambda path: path.stat().st_size)
    flip(largest)
    assert not is_whole(restic_new, backups)
    assert backups.verify(backups.second)[0] == 0
    assert backups.verify(backups.first)[0] == 1
    largest.unlink()
    code, proof = backups.verify(backups.second)
    assert (code, proof["databases"]) == (1, [])
    assert "in no index" in proof["errors"][0]


def test_a_snapshot_that_is_not_there(backups: Backups):
    assert backups.run("verify", "abcdef12").code == 1
    assert backups.run("verify", "latest", "--format", "json").json()["snapshot"] == backups.second


def test_a_dump_that_is_none_cannot_be_listed(
    server: Server, system_installation: Installation, tmp_path: Path
):
    """Of a whole one only the beginning is read; of a cut one it must not be enough."""
    name = server.new_database(rich=True)
    dump = tmp_path / "x.dump"
    url = server.cluster.url(name)
    programs = system_installation.folder
    subprocess.run([programs / "pg_dump", "-Fc", "-Z0", f"--file={dump}", url], check=True)
    content = dump.read_bytes()

    def listed(content: bytes):
        return list_dump(name, lambda sink: sink.write(content), [system_installation], 15)

    whole = listed(content + bytes(64 << 20))
    assert (whole.database, whole.tables > 5) == (name, True)
    assert listed(content) == whole
    for damaged in (b"", b"PGDMP", content[:2000], b"-- SQL\n" + content):
        with pytest.raises(PostgresError, match=f"the dump of {name} cannot be listed"):
            listed(damaged)
