"""Restore drills with a real PostgreSQL and a toy SPSE: the good one, and every way to fail."""

import contextlib
import hashlib
import io
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from lpse_ops.backup.archiver import Stream
from lpse_ops.backup.dump import write_file
from lpse_ops.backup.locking import hold_lock
from lpse_ops.backup.pack import BlobType
from lpse_ops.backup.storage.local import LocalBackend
from lpse_ops.backup.treewalk import walk_tree
from lpse_ops.cli.backup_sources import DATABASES, MANIFEST
from lpse_ops.ledger import Ledger
from lpse_ops.spse.sample import write_sql
from lpse_ops.spse.sample_documents import Document, write_documents
from tests.backup.cheap_repository import ID, PASSWORD, init_cheaply
from tests.backup.damage import flip, pack_name
from tests.backup.smalldisk import mount_small_disk
from tests.backup.storage.sftpservers import SftpServer, sftp_server
from tests.backup.storing import open_cheap, store
from tests.cli.commands import PROGRAM, Ended, clean_environment, lpse_ops
from tests.postgres.servers import Server
from tests.postgres.test_apart import running
from tests.restic_binaries import Restic

__all__ = ["sftp_server"]

DOCUMENTS_QUERY = "SELECT dok_file, dok_ukuran FROM dok_penawaran"
NEWEST_QUERY = "SELECT max(log_waktu) FROM log_akses"
SEED = 7


@dataclass(frozen=True)
class Site:
    """A toy SPSE that was backed up: settings, source, repository and state in one folder."""

    root: Path
    database: str
    source: Path
    documents: tuple[Document, ...]
    scratch: Path

    @property
    def repo(self) -> Path:
        return self.root / "repo"

    @property
    def environment(self) -> dict[str, str]:
        return {"LPSE_OPS_STATE": str(self.root / "state")}

    def settings(self, **drill: object) -> Path:
        """Settings with another ``backup.drill``; ``url`` is of no account to a drill."""
        asked = {"documents_query": DOCUMENTS_QUERY, "newest_query": NEWEST_QUERY} | drill
        path = self.root / "lpse-ops.yml"
        backup = {
            "databases": [{"url": f"postgresql:///{self.database}?host=/nowhere"}],
            "paths": [str(self.source)],
            "password_file": str(self.root / "password"),
            "destinations": [{"name": "disk-a", "location": str(self.repo)}],
            "drill": {key: value for key, value in asked.items() if value is not None},
            "alert_after": "2000w",
        }
        site = {"name": "LPSE Contoh", "slug": "lpse-contoh", "time_zone": "WITA"}
        people = [{"name": "Sari", "role": "Kepala LPSE"}, {"name": "Budi", "role": "Pengelola"}]
        path.write_text(json.dumps({"site": site, "backup": backup, "people": people}))
        return path

    def drill(self, *args: str | Path, **drill: object) -> Ended:
        settings = self.settings(**drill)
        where = ("--settings", settings, "--folder", self.scratch, "--format", "json")
        return lpse_ops("backup", "drill", *where, *args, env=self.environment)

    def is_clean(self) -> bool:
        return list(self.scratch.iterdir()) == []

    def records(self) -> list[dict[str, Any]]:
        ledger = Ledger(self.root / "state" / "ledger", "lpse-contoh", lambda: datetime.now(UTC))
        return [record.facts for record in ledger.records("drill")]

    def copy(self, root: Path) -> "Site":
        """The same with a repository of its own; the source stays where it is."""
        root.mkdir()
        shutil.copytree(self.repo, root / "repo")
        shutil.copy(self.root / "password", root / "password")
        return Site(root, self.database, self.source, self.documents, self.scratch)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, server: Server) -> Iterator[Site]:
    """Backed up once; tests that change its repository take a copy."""
    root = tmp_path_factory.mktemp("drill")
    documents = write_documents(root / "spse", 2, SEED)
    database = server.new_database()
    sql = root / "spse.sql"
    with sql.open("wb") as file:
        write_sql(file, 1, SEED, documents)
    psql = server.installation.folder / "psql"
    argv = [psql, "-qX", "-v", "ON_ERROR_STOP=1", "-f", sql, server.cluster.url(database)]
    subprocess.run(argv, check=True, capture_output=True)
    now = "now() AT TIME ZONE 'Asia/Makassar'"
    server.execute(f"UPDATE log_akses SET log_waktu = {now} WHERE log_id = 1", name=database)
    (root / "password").touch(0o600)
    (root / "password").write_text(PASSWORD)
    with tempfile.TemporaryDirectory(prefix="lpse-ops-drills-", dir="/var/tmp") as scratch:
        # The account that runs PostgreSQL for root passes through.
        Path(scratch).chmod(0o711)
        made = Site(root, database, root / "spse", tuple(documents), Path(scratch))
        _back_up(made, server)
        yield made
    server.execute(f"DROP DATABASE {database}")


def _back_up(made: Site, server: Server) -> None:
    init_cheaply(made.repo)
    settings = made.settings()
    settings.write_text(
        settings.read_text().replace(
            f"postgresql:///{made.database}?host=/nowhere", server.cluster.url(made.database)
        )
    )
    ended = lpse_ops("backup", "--settings", settings, env=made.environment)
    assert ended.code == 0, ended.stderr


def messages(ended: Ended) -> list[str]:
    return [problem["message"] for problem in ended.json()["problems"]]


def test_a_good_drill_proves_files_database_and_documents(site: Site):
    ended = site.drill("--verify")
    assert ended.code == 0, ended.stderr + ended.stdout
    report = ended.json()
    assert (report["status"], report["problems"], report["notes"]) == ("ok", [], [])
    assert (report["destination"], report["medium"]["kind"]) == ("disk-a", "folder")
    assert report["repository_id"] == ID
    [database] = report["databases"]
    assert database["name"] == site.database
    assert database["tables_found"] == database["tables_expected"] == 11
    assert database["rows_found"] == database["rows_expected"] > 1000
    documents = report["documents"]
    # The manifest and the globals are files, too.
    assert documents["files_found"] == documents["files_expected"] == len(site.documents) + 2
    assert documents["files_verified"] == documents["files_found"]
    assert (documents["named"], documents["missing"]) == (len(site.documents), 0)
    assert documents["sample"] == min(50, documents["files_found"])
    assert (documents["sample_wrong"], documents["sample_against_source"] > 0) == (0, True)
    assert report["databases_unproved"] == []
    assert report["room_bytes"] > documents["bytes_found"]
    assert report["rto_seconds"] >= 1
    assert 0 <= report["rpo_seconds"] < 3600
    assert report["newest_row"].endswith("+08:00")
    assert site.is_clean()


def test_a_drill_leaves_a_report_and_a_record_in_the_ledger(site: Site):
    report = site.drill("--no-database").json()
    path = Path(report["report_file"])
    assert path.parent == site.root / "state" / "drills"
    stored = json.loads(path.read_bytes())
    assert stored["schema"] == "lpse-ops/backup/drill/1"
    assert {key: report[key] for key in stored} == stored
    facts = site.records()[-1]
    assert facts["report_sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (facts["status"], facts["destination"], facts["problems"]) == ("ok", "disk-a", [])
    assert (facts["snapshot"], facts["repository_id"]) == (report["snapshot"], ID)
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_a_drill_in_words_whatever_variables_of_libpq_say(site: Site):
    misleading = {"PGHOST": "/nowhere", "PGSERVICE": "none", "PGOPTIONS": "-c nonsense=1"}
    where = ("--settings", site.settings(), "--folder", site.scratch)
    ended = lpse_ops("backup", "drill", *where, env=site.environment | misleading)
    assert ended.code == 0, ended.stderr + ended.stdout
    assert "rows as in the manifest" in ended.stdout
    named = len(site.documents)
    assert f"{named} of {named} that {site.database} names are there" in ended.stdout
    assert ended.stdout.endswith("result     the backup is restorable\n")


def test_a_flipped_bit_in_a_document_fails_and_names_it(site: Site, tmp_path: Path):
    damaged = site.copy(tmp_path / "damaged")
    repository = open_cheap(damaged.repo)
    index = repository.load_index()
    entry = _first_document(damaged)
    place = next(index.locations(BlobType.DATA, entry.node.content[0]))
    name = pack_name(place.pack_id)
    flip(LocalBackend(damaged.repo), name, place.entry.offset + 30)
    ended = damaged.drill()
    assert ended.code == 1
    path = os.fsdecode(entry.path)
    assert any(path in line for line in messages(ended)), messages(ended)
    assert damaged.records()[-1]["status"] == "failed"
    assert damaged.is_clean()


def _first_document(site: Site) -> Any:
    repository = open_cheap(site.repo)
    index = repository.load_index()
    tree = repository.snapshots()[-1].tree
    return next(each for each in walk_tree(repository, index, tree) if each.path.endswith(b".rhs"))


def test_a_flipped_bit_in_the_dump_fails_and_names_the_database(site: Site, tmp_path: Path):
    damaged = site.copy(tmp_path / "damaged")
    repository = open_cheap(damaged.repo)
    index = repository.load_index()
    tree = repository.snapshots()[-1].tree
    entry = next(e for e in walk_tree(repository, index, tree) if e.path.endswith(b".dump"))
    place = next(index.locations(BlobType.DATA, entry.node.content[-1]))
    flip(LocalBackend(damaged.repo), pack_name(place.pack_id), place.entry.offset + 30)
    ended = damaged.drill()
    assert ended.code == 1
    assert any(f"database {site.database}" in line for line in messages(ended)), messages(ended)
    report = ended.json()
    assert (report["databases"], report["databases_unproved"]) == ([], [site.database])
    assert damaged.is_clean()


def test_an_index_that_is_damaged_fails_the_drill(site: Site, tmp_path: Path):
    damaged = site.copy(tmp_path / "damaged")
    [index] = (damaged.repo / "index").iterdir()
    flip(LocalBackend(damaged.repo), f"index/{index.name}", 40)
    ended = damaged.drill()
    assert ended.code == 1
    [line] = messages(ended)
    assert line.startswith("the restore: expected to go on to its end, found index ")
    assert ended.json()["documents"] is None
    assert damaged.records()[-1]["problems"] == [line]


def test_without_a_snapshot_that_can_be_read_the_drill_has_failed(site: Site, tmp_path: Path):
    damaged = site.copy(tmp_path / "damaged")
    [snapshot] = (damaged.repo / "snapshots").iterdir()
    flip(LocalBackend(damaged.repo), f"snapshots/{snapshot.name}", 40)
    ended = damaged.drill()
    assert ended.code == 1
    assert ended.stderr.count("its content does not match its name") == 1
    wish = "the repository holds no snapshot that can be read: 1 cannot, see above"
    assert wish in ended.stderr
    assert "lpse-ops backup drill --destination NAME" in ended.stderr
    [record] = damaged.records()
    assert (record["status"], record["problems"]) == ("failed", [wish])
    # A name that was mistyped is no failed drill.
    assert damaged.drill("--snapshot", "0123").code == 1
    assert len(damaged.records()) == 1


def test_documents_that_are_missing_in_the_snapshot_are_named(site: Site, tmp_path: Path):
    poorer = site.copy(tmp_path / "poorer")
    lost = site.documents[3]
    path = site.source / lost.path
    rewrite = ("backup", "rewrite", "--exclude", path, "--forget", "latest")
    at = ("--repo", poorer.repo, "--password-file", poorer.root / "password")
    assert lpse_ops(*rewrite, *at).code == 0
    ended = poorer.drill()
    assert ended.code == 1
    assert messages(ended) == [
        f"document {lost.path}: expected a file of {lost.size_bytes} bytes, "
        "found none in the snapshot"
    ]
    documents = ended.json()["documents"]
    assert (documents["named"], documents["missing"]) == (len(site.documents), 1)


def test_a_document_of_another_size_is_named(site: Site):
    lies = "SELECT dok_file, dok_ukuran + (dok_id = 2)::int FROM dok_penawaran"
    ended = site.drill(documents_query=lies)
    second = site.documents[1]
    assert (ended.code, messages(ended)) == (
        1,
        [
            f"document {second.path}: expected a file of {second.size_bytes + 1} bytes, "
            f"found a file of {second.size_bytes} bytes"
        ],
    )


def test_queries_may_only_read_and_must_fit(site: Site):
    delete = "DELETE FROM dok_penawaran RETURNING dok_file"
    none = "SELECT max(log_waktu) FROM log_akses WHERE false"
    ended = site.drill(documents_query=delete, newest_query=none)
    newest, documents = messages(ended)
    assert ended.code == 1
    assert newest.startswith("backup.drill.newest_query: ")
    assert "gives nothing, not a time" in newest
    assert documents.startswith("backup.drill.documents_query: ")
    titles = "SELECT dok_file, dok_judul FROM dok_penawaran"
    [line] = messages(site.drill(documents_query=titles))
    assert "not a number of bytes" in line


def test_a_question_that_takes_too_long_is_named_and_the_drill_goes_on(site: Site):
    asleep = "SELECT now() FROM pg_sleep(600)"
    ended = site.drill("--time-limit", "15s", newest_query=asleep)
    assert ended.code == 1, ended.stderr
    [line] = messages(ended)
    assert line.startswith("backup.drill.newest_query: expected the time of a row, found ")
    assert line.endswith("no answer within 1.5 seconds")
    assert ended.json()["documents"]["named"] == len(site.documents)


def test_a_drill_that_does_not_end_is_ended_with_record_and_paper(site: Site, tmp_path: Path):
    # The server waits in the kernel: no cancelling reaches it.
    blocked = site.scratch / "fifo"
    os.mkfifo(blocked)
    hanging = f"SELECT now() FROM pg_read_file('{blocked}')"
    paper = tmp_path / "uji-restore.html"
    asked = ("--paper", paper, "--paper-number", "003/LPSE/XI/2026", "--by", "Sari")
    try:
        ended = site.drill(*asked, "--time-limit", "6s", newest_query=hanging)
    finally:
        blocked.unlink()
    assert ended.code == 1, ended.stderr
    [line] = messages(ended)
    # Where the machine is slow, it is not so far yet.
    wish = "the drill: expected to end within 6 s (backup.drill.time_limit), found still "
    assert line.startswith(wish)
    assert line.endswith(f"ing database {site.database}")
    assert site.records()[-1]["problems"] == [line]
    assert "GAGAL" in paper.read_text()
    assert _servers(site) == []
    assert site.is_clean()


def test_an_old_snapshot_fails_and_says_how_old(site: Site):
    time.sleep(1.1)
    ended = site.drill("--max-age", "1s", "--no-database")
    [line] = messages(ended)
    assert ended.code == 1
    assert line.startswith("the snapshot: expected at most 1 s old, found ")


def test_old_data_in_a_fresh_snapshot_fail_and_say_how_old(site: Site):
    ended = site.drill("--max-age", "30h", newest_query="SELECT timestamp '2023-05-01 10:00'")
    [line] = messages(ended)
    assert ended.code == 1
    assert line.startswith("the newest row when the snapshot was taken: expected at most 1 d 6 h")
    assert "of 2023-05-01T10:00:00+08:00" in line
    assert ended.json()["rpo_seconds"] > 3 * 365 * 86400


def _streams(site: Site, manifest: dict[str, Any]) -> dict[str, Any]:
    """What makes another snapshot with the dumps of the first and another manifest."""
    repository = open_cheap(site.repo)
    index = repository.load_index()
    contents: dict[bytes, bytes] = {}
    for entry in walk_tree(repository, index, repository.snapshots()[0].tree):
        if entry.path.startswith(DATABASES) and entry.node.type == "file":
            out = io.BytesIO()
            write_file(repository, index, entry.node, out)
            contents[entry.path] = out.getvalue()

    def stream(path: bytes, content: bytes) -> Stream:
        return Stream(path, lambda: contextlib.nullcontext(io.BytesIO(content)))

    return {
        "streams": [stream(path, content) for path, content in contents.items()],
        "manifest": lambda _: stream(MANIFEST, json.dumps(manifest).encode()),
        "has_own_folder": True,
    }


def _manifest(site: Site) -> dict[str, Any]:
    at = ("--repo", site.repo, "--password-file", site.root / "password")
    manifest: dict[str, Any] = lpse_ops(
        "backup", "dump", "latest", "/lpse-ops/manifest.json", *at
    ).json()
    return manifest


def test_rows_that_differ_from_the_manifest_are_named_by_table(site: Site, tmp_path: Path):
    other = site.copy(tmp_path / "other")
    manifest = _manifest(site)
    tables = manifest["databases"][0]["row_counts"]["tables"]
    real = tables["public.paket"]
    tables["public.paket"] += 5
    tables["public.gone"] = 3
    del tables["public.peserta"]
    store(other.repo, site.source, **_streams(site, manifest))
    ended = other.drill()
    assert ended.code == 1
    lines = messages(ended)
    name = site.database
    assert lines[0] == f"table public.gone of {name}: expected 3 rows, found no such table"
    assert lines[1] == f"table public.paket of {name}: expected {real + 5} rows, found {real} rows"
    assert lines[2].startswith(f"table public.peserta of {name}: expected no such table, found ")
    assert ended.json()["databases"][0]["tables_differing"] == len(lines) == 3
    assert other.records()[-1]["problems"] == lines


def test_what_a_snapshot_lacks_by_its_own_manifest_fails_the_drill(site: Site, tmp_path: Path):
    other = site.copy(tmp_path / "other")
    manifest = _manifest(site)
    manifest["unreadable"] = [{"path": "/home/file/1.rhs", "error": "Permission denied"}]
    manifest["databases"].append({"file": "/lpse-ops/databases/gone.dump"})
    kept = _streams(site, manifest)
    kept["streams"] = [each for each in kept["streams"] if each.path.endswith(b".dump")]
    store(other.repo, site.source, **kept)
    ended = other.drill()
    assert ended.code == 1, ended.stderr
    unread, gone, roles = messages(ended)
    assert unread.startswith("/home/file/1.rhs: expected in the snapshot, found could not be read")
    assert gone.startswith("/lpse-ops/databases/gone.dump: expected the dump that the manifest")
    assert roles.startswith("/lpse-ops/databases/globals.sql: expected the roles that the manifest")


def test_the_database_postgres_may_be_among_the_dumps(site: Site, tmp_path: Path):
    other = site.copy(tmp_path / "other")
    kept = _streams(site, {})
    [dump] = [each for each in kept["streams"] if each.path.endswith(b".dump")]
    names = (b"/postgres.dump", b"/zzz.dump")
    kept["streams"] = [replace(dump, path=DATABASES + name) for name in names]
    store(other.repo, site.source, **kept)
    at = ("--repo", other.repo, "--password-file", other.root / "password")
    where = (*at, "--folder", site.scratch, "--format", "json")
    ended = lpse_ops("backup", "drill", *where, env=site.environment)
    assert ended.code == 0, ended.stderr + ended.stdout
    assert [each["name"] for each in ended.json()["databases"]] == ["postgres", "zzz"]


def test_a_strange_manifest_proves_nothing_and_breaks_nothing(site: Site, tmp_path: Path):
    other = site.copy(tmp_path / "other")
    file = f"/lpse-ops/databases/{site.database}.dump"
    listed = {"file": file, "properties": [], "row_counts": 5}
    store(other.repo, site.source, **_streams(site, {"databases": [7, listed]}))
    ended = other.drill()
    assert ended.code == 0, ended.stderr + ended.stdout
    assert any("no manifest of" in note for note in ended.json()["notes"])
    assert ended.json()["databases"][0]["rows_expected"] is None


def test_a_snapshot_without_its_database_fails_where_the_settings_name_one(
    site: Site, tmp_path: Path
):
    bare = site.copy(tmp_path / "bare")
    store(bare.repo, site.source)
    ended = bare.drill("--snapshot", open_cheap(bare.repo).snapshots()[-1].id)
    assert (ended.code, messages(ended)) == (
        1,
        [f"database {site.database}: expected its dump, found no dump at all"],
    )


def test_a_snapshot_of_stock_restic_is_proved_as_far_as_can_be(
    site: Site, tmp_path: Path, restic_new: Restic
):
    repo = init_cheaply(tmp_path / "repo")
    restic_new.run("backup", site.source, repo=repo, password=PASSWORD)
    at = ("--repo", repo, "--password-file", site.root / "password", "--folder", site.scratch)
    ended = lpse_ops("backup", "drill", *at, "--format", "json", env=site.environment)
    assert ended.code == 0, ended.stderr + ended.stdout
    report = ended.json()
    assert report["databases"] == []
    assert report["documents"]["files_found"] == len(site.documents)
    assert report["documents"]["sample_against_source"] > 0
    assert any("was it taken by another program" in note for note in report["notes"])
    assert any("holds no database" in note for note in report["notes"])


def test_the_newest_snapshot_is_that_of_the_configured_backup(site: Site, tmp_path: Path):
    mixed = site.copy(tmp_path / "mixed")
    configured = open_cheap(site.repo).snapshots()[0].id
    store(mixed.repo, site.source / site.documents[0].path, hostname="another")
    assert mixed.drill("--no-database").json()["snapshot"] == configured
    newest = mixed.drill("--no-database", "--host", "another").json()
    assert newest["snapshot"] != configured


def test_a_destination_without_a_snapshot_of_the_configured_backup_fails(
    site: Site, tmp_path: Path
):
    strange = site.copy(tmp_path / "strange")
    shutil.rmtree(strange.repo)
    init_cheaply(strange.repo)
    store(strange.repo, site.source, hostname="another")
    ended = strange.drill("--no-database")
    assert ended.code == 1
    taken = open_cheap(strange.repo).snapshots()[0].id[:8]
    assert messages(ended) == [
        "the snapshots of the destination: expected one of the configured backup, "
        f"found none; {taken} was taken"
    ]


def test_the_drill_writes_its_paper(site: Site):
    paper = site.root / "uji-restore.html"
    asked = ("--no-database", "--paper", paper, "--paper-number", "001/LPSE/XI/2026")
    ended = site.drill(*asked, "--by", "Sari", "--witness", "Budi")
    assert ended.code == 0, ended.stderr
    text = paper.read_text()
    assert "is Berita Acara 001/LPSE/XI/2026" in ended.stderr
    assert "001/LPSE/XI/2026" in text
    assert ended.json()["repository_id"][:8] in text
    assert "Sari" in text
    # It does not say more than was proved.
    assert "BERHASIL UNTUK BERKAS SAJA" in text
    before = site.records()
    refused = site.drill(*asked, "--by", "Nobody")
    assert (refused.code, "Nobody" in refused.stderr) == (2, True)
    assert site.records() == before


def test_a_snapshot_from_the_future_fails_with_record_and_paper(site: Site, tmp_path: Path):
    other = site.copy(tmp_path / "other")
    store(other.repo, site.source, time=datetime.now(UTC) + timedelta(days=10))
    paper = tmp_path / "uji-restore.html"
    named = ("--snapshot", open_cheap(other.repo).snapshots()[-1].id, "--no-database")
    asked = ("--paper", paper, "--paper-number", "002/LPSE/XI/2026", "--by", "Sari")
    ended = other.drill(*named, *asked)
    assert ended.code == 1, ended.stderr
    [line] = messages(ended)
    assert line.startswith("the snapshot: expected dated before it was looked at, found dated ")
    assert other.records()[-1]["problems"] == [line]
    assert "GAGAL" in paper.read_text()
    assert "bertanggal sebelum diperiksa" in paper.read_text()


def test_a_copy_on_an_sftp_server_is_drilled_without_any_cache(site: Site, sftp_server: SftpServer):
    path = site.settings()
    settings = json.loads(path.read_text())
    server = {"name": "server", "location": f"sftp:quick:{site.repo}"}
    server["sftp"] = {"ssh_options": f"-F {sftp_server.sshd.ssh_config}"}
    settings["backup"]["destinations"].append(server)
    path.write_text(json.dumps(settings))
    where = ("--settings", path, "--folder", site.scratch, "--destination", "server")
    ended = lpse_ops("backup", "drill", *where, "--format", "json", env=site.environment)
    assert ended.code == 0, ended.stderr + ended.stdout
    report = ended.json()
    assert (report["destination"], report["medium"]["kind"]) == ("server", "sftp")
    assert report["documents"]["missing"] == 0
    assert report["databases"][0]["tables_differing"] == 0
    assert not (site.root / "state" / "cache").exists()
    assert site.is_clean()


# What a dump may hold: a program that the restore itself starts, and that leaves its parents.
HOSTILE = """
CREATE FUNCTION start() RETURNS int LANGUAGE plpgsql AS $function$
BEGIN
  COPY (SELECT 1) TO PROGRAM
    $$cat >/dev/null; test "$(id -un)" = nobody || exit 0
    setsid setsid sh -c 'echo > {started}; sleep {mark}' >/dev/null 2>&1 &
    while ! test -e {started}; do sleep 0.1; done$$;
  RETURN 1;
END $function$;
CREATE MATERIALIZED VIEW started AS SELECT start();
CREATE TABLE paket (id int);
"""


@pytest.fixture
def proof() -> Iterator[Path]:
    """A folder where any account may write."""
    with tempfile.TemporaryDirectory(prefix="lpse-ops-proof-", dir="/var/tmp") as folder:
        Path(folder).chmod(0o777)
        yield Path(folder)


def test_no_daemon_of_a_hostile_dump_outlives_the_drill(
    site: Site, server: Server, tmp_path: Path, proof: Path
):
    mark = f"36000.{time.monotonic_ns()}"
    name = server.new_database()
    server.execute(HOSTILE.format(started=proof / "started", mark=mark), name=name)
    argv = [server.installation.folder / "pg_dump", "-Fc", server.cluster.url(name)]
    content = subprocess.run(argv, check=True, capture_output=True).stdout
    repo = init_cheaply(tmp_path / "repo")
    dump = Stream(DATABASES + b"/evil.dump", lambda: contextlib.nullcontext(io.BytesIO(content)))
    store(repo, site.source, streams=[dump], has_own_folder=True)
    at = ("--repo", repo, "--password-file", site.root / "password", "--folder", site.scratch)
    ended = lpse_ops("backup", "drill", *at, "--format", "json", env=site.environment)
    assert ended.code == 0, ended.stderr + ended.stdout
    assert (proof / "started").exists()
    assert running(mark) == []
    assert site.is_clean()


# -- room, places and locks --------------------------------------------------------------------


def test_without_room_nothing_is_restored_and_nothing_recorded(site: Site, tmp_path: Path):
    before = site.records()
    with mount_small_disk(tmp_path / "small") as small:
        ended = site.drill("--folder", small)
        assert [path.name for path in small.iterdir()] == ["lost+found"]
    assert ended.code == 1
    assert "not enough room" in ended.stderr
    assert " needed, " in ended.stderr
    assert "--folder DIR" in ended.stderr
    assert site.records() == before


def test_places_where_a_drill_has_no_business_are_refused(site: Site, server: Server):
    data = server.execute("SHOW data_directory")[0][0]
    for folder in (site.source, site.source / "file_prod", site.repo / "data", Path(str(data))):
        ended = site.drill("--folder", folder)
        assert (ended.code, str(folder) in ended.stderr) == (2, True), ended.stderr
    ended = site.drill("--folder", site.root / "none")
    assert (ended.code, "mkdir -p" in ended.stderr) == (2, True)


def test_a_state_folder_that_cannot_be_written_is_told_before_the_drill(site: Site):
    (site.root / "occupied").touch()
    ended = lpse_ops(
        *("backup", "drill", "--settings", site.settings(), "--folder", site.scratch),
        env={"LPSE_OPS_STATE": str(site.root / "occupied")},
    )
    assert (ended.code, "LPSE_OPS_STATE" in ended.stderr) == (1, True)


def test_a_backup_may_run_at_the_same_time_but_no_prune(site: Site):
    repository = open_cheap(site.repo)
    with hold_lock(repository):
        assert site.drill("--no-database").code == 0
    with hold_lock(repository, exclusive=True):
        assert site.drill("--no-database").code == 11
    assert not list((site.repo / "locks").iterdir())


def test_a_read_only_medium_is_drilled_without_a_lock(site: Site):
    script = f"mount --bind {site.repo} {site.repo} && mount -o remount,bind,ro {site.repo} && "
    before = ("unshare", "--mount", "sh", "-c", script + 'exec "$@"', "sh")
    where = ("--settings", site.settings(), "--folder", site.scratch)
    command = ("backup", "drill", *where, "--no-database")
    ended = lpse_ops(*command, "--no-lock", before=before, env=site.environment)
    assert ended.code == 0, ended.stderr
    refused = lpse_ops(*command, before=before, env=site.environment)
    assert refused.code == 1
    assert "--no-lock" in refused.stderr


def test_kept_files_stay_and_the_next_drill_leaves_them(site: Site):
    kept = Path(site.drill("--keep", "--no-database").json()["kept"])
    try:
        document = site.documents[0]
        restored = kept / "files" / (site.source / document.path).relative_to("/")
        assert restored.stat().st_size == document.size_bytes
        assert kept.stat().st_mode & 0o777 == 0o700
        assert site.drill("--no-database").code == 0
        assert restored.exists()
    finally:
        shutil.rmtree(kept)
    assert site.is_clean()


def test_the_same_seed_draws_the_same_sample(site: Site, tmp_path: Path):
    report = site.drill("--no-database", "--sample", "3", "--seed", "9").json()
    assert (report["documents"]["sample"], report["documents"]["sample_seed"]) == (3, 9)


# -- killed ------------------------------------------------------------------------------------


@contextlib.contextmanager
def _running_drill(
    site: Site, query: str = "SELECT now() FROM pg_sleep(60)"
) -> Iterator[subprocess.Popen[bytes]]:
    """A drill whose server runs; the query takes so long that it is met in its midst."""
    settings = site.settings(newest_query=query)
    command = ("backup", "drill", "--settings", settings, "--folder", site.scratch)
    process = subprocess.Popen(
        [*PROGRAM, *map(str, command)],
        env=clean_environment() | site.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    try:
        deadline = time.monotonic() + 60
        while not _has_server(site):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
        yield process
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


def _has_server(site: Site) -> bool:
    """Not what initdb starts for a moment: that leaves no options behind.

    The path goes through the kernel's own link, which a process that ends meanwhile closes.
    """
    return any(os.path.exists(place / "postmaster.opts") for place in _servers(site))


def _servers(site: Site) -> list[Path]:
    """Processes that stand in the data of a scratch server."""
    found = []
    for place in Path("/proc").glob("[0-9]*/cwd"):
        with contextlib.suppress(OSError):
            if place.readlink().is_relative_to(site.scratch):
                found.append(place)
    return found


def _wait_until_gone(site: Site) -> None:
    deadline = time.monotonic() + 30
    while _servers(site):
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_cleans_up_and_records_nothing(site: Site, number: signal.Signals):
    before = site.records()
    with _running_drill(site) as process:
        process.send_signal(number)
        _, stderr = process.communicate(timeout=60)
        assert process.returncode == 128 + number, stderr
    _wait_until_gone(site)
    assert site.is_clean()
    assert not list((site.repo / "locks").iterdir())
    assert site.records() == before


def test_a_signal_ends_a_drill_whose_server_does_not_answer(site: Site):
    blocked = site.scratch / "fifo"
    os.mkfifo(blocked)
    try:
        with _running_drill(site, f"SELECT now() FROM pg_read_file('{blocked}')") as process:
            deadline = time.monotonic() + 60
            while not any(b"FETCH" in _command_line(each) for each in _servers(site)):
                assert time.monotonic() < deadline
                time.sleep(0.02)
            process.send_signal(signal.SIGTERM)
            _, stderr = process.communicate(timeout=60)
            assert process.returncode == 128 + signal.SIGTERM, stderr
    finally:
        blocked.unlink()
    assert _servers(site) == []
    assert site.is_clean()


def _command_line(place: Path) -> bytes:
    with contextlib.suppress(OSError):
        return (place.parent / "cmdline").read_bytes()
    return b""


def test_what_a_killed_drill_left_is_removed_by_the_next(site: Site):
    with _running_drill(site) as process:
        # Before the production server, the kernel ends this one when memory runs out.
        [first, *_] = _servers(site)
        assert int((first.parent / "oom_score_adj").read_text()) == 500
        process.kill()
        process.communicate()
    _wait_until_gone(site)
    assert list(site.scratch.glob("lpse-ops-drill-*/files"))
    assert site.drill("--no-database").code == 0
    assert site.is_clean()


def test_a_drill_that_runs_keeps_its_folder(site: Site):
    with _running_drill(site) as process:
        running = {path.name for path in site.scratch.iterdir()}
        assert site.drill("--no-database").code == 0
        assert {path.name for path in site.scratch.iterdir()} == running
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
    assert site.is_clean()
