"""A server of the inventory, backed up from here over a real sshd, with a real PostgreSQL."""

import base64
import contextlib
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from lpse_ops.agent import frames
from lpse_ops.ledger import Ledger
from tests.backup.cheap_repository import ID, KEYS, PASSWORD, init_cheaply
from tests.cli.commands import PROGRAM, Ended, clean_environment, lpse_ops
from tests.lab.sshd import Sshd, free_port
from tests.postgres.servers import Server
from tests.remote.agents import is_running, wait_until
from tests.restic_binaries import Restic

SLUG = "lpse-contoh"


@dataclass
class Site:
    """A controller with settings and an inventory, and the server ``spse-1`` of it."""

    folder: Path
    password: Path
    sshd: Sshd
    host: dict[str, Any]

    @property
    def inventory(self) -> Path:
        return self.folder / "inventory" / "hosts.json"

    @property
    def settings(self) -> Path:
        return self.folder / "lpse-ops.yml"

    @property
    def repo(self) -> Path:
        return self.folder / "repo"

    def write_inventory(self, **more: Any) -> None:
        hosts = {"spse-1": {**self.host, **more}}
        self.inventory.parent.mkdir(exist_ok=True)
        self.inventory.write_text(json.dumps({"all": {"hosts": hosts}}))

    def write_settings(self, **backup: Any) -> None:
        known = {
            "password_file": str(self.password),
            "destinations": [{"name": "disk-a", "location": str(self.repo), "repository_id": ID}],
            **backup,
        }
        site = {"name": "LPSE Contoh", "slug": SLUG, "time_zone": "WITA"}
        self.settings.write_text(json.dumps({"site": site, "backup": known}))

    @property
    def environment(self) -> dict[str, str]:
        return {"LPSE_OPS_STATE": str(self.folder / "state")}

    def lpse_ops(self, *words: str | Path) -> Ended:
        return lpse_ops(*words, "--settings", self.settings, env=self.environment)

    def pull(self, *words: str | Path) -> Ended:
        """``backup`` of the server into the repository, without settings."""
        return lpse_ops("backup", *self.words, *words, env=self.environment)

    @property
    def words(self) -> tuple[str | Path, ...]:
        repository = ("--repo", self.repo, "--password-file", self.password)
        return ("--host", "spse-1", "-i", self.inventory, *repository)

    def records(self) -> list[dict[str, Any]]:
        ledger = Ledger(self.folder / "state/ledger", SLUG, datetime.now)
        return [each.facts for each in ledger.records("backup")]

    def processes(self) -> set[int]:
        """What runs in sessions of the sshd: its home is that of no other."""
        mark = f"HOME={self.sshd.home}".encode()
        found = set()
        for each in Path("/proc").glob("[0-9]*/environ"):
            with contextlib.suppress(OSError):
                if mark in each.read_bytes().split(b"\0"):
                    found.add(int(each.parent.name))
        return found

    def files(self) -> set[str]:
        return {str(path) for path in self.repo.rglob("*") if path.is_file()}


@pytest.fixture
def site(tmp_path: Path, password: Path, sshd: Sshd) -> Iterator[Site]:
    init_cheaply(tmp_path / "repo")
    host = {**sshd.ansible_variables(), "ansible_become": True}
    made = Site(tmp_path, password, sshd, host)
    made.write_inventory()
    yield made
    wait_until(lambda: not made.processes())


@pytest.fixture
def database(server: Server) -> Iterator[str]:
    name = server.new_database()
    server.execute("CREATE TABLE peserta AS SELECT generate_series(1, 1000) AS id", name=name)
    yield name
    server.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_a_server_is_backed_up_and_comes_back_equal(
    site: Site, docs: Path, server: Server, database: str, restic: Restic, tmp_path: Path
):
    (docs / "sealed.rhs").write_bytes(b"only root reads this")
    (docs / "sealed.rhs").chmod(0o600)
    (docs / "left.tmp").touch()
    words = (docs, "--database", server.cluster.url(database), "-e", "*.tmp", "--format", "json")
    ended = site.pull(*words)
    assert ended.code == 0, ended.stderr
    report = ended.json()
    assert report["snapshot"]["hostname"] == "spse-1"
    assert report["databases"][0]["row_counts"]["tables"] == {"public.peserta": 1000}
    again = site.pull(*words).json()["summary"]
    # What is dumped has no files that could be unchanged.
    changes = [again[f"files_{each}"] for each in ("new", "changed", "unmodified")]
    assert changes == [3, 0, 3]
    restic.run("check", "--read-data", repo=site.repo, password=PASSWORD)
    target = tmp_path / "out"
    restic.run("restore", "latest", "--target", target, repo=site.repo, password=PASSWORD)
    for path in docs.iterdir():
        restored = target / path.relative_to("/")
        if path.suffix == ".tmp":
            assert not restored.exists()
        else:
            assert restored.read_bytes() == path.read_bytes()
            assert restored.stat().st_mode == path.stat().st_mode
            assert restored.stat().st_mtime_ns == path.stat().st_mtime_ns
    dumps = target / "lpse-ops" / "databases"
    assert (dumps / f"{database}.dump").read_bytes().startswith(b"PGDMP")
    assert b"CREATE ROLE" in (dumps / "globals.sql").read_bytes()
    manifest = json.loads((target / "lpse-ops" / "manifest.json").read_text())
    assert manifest["hostname"] == "spse-1"


def test_the_server_of_the_settings_is_backed_up_without_a_word(
    site: Site, docs: Path, server: Server, database: str
):
    site.write_settings(
        host="spse-1",
        paths=[str(docs)],
        databases=[{"url": server.cluster.url(database), "name": "epns_prod"}],
    )
    for words in (["backup"], ["backup", "--host", "spse-1"]):
        ended = site.lpse_ops(*words)
        assert ended.code == 0, ended.stderr
    # The site's own name, as if it were a backup made on the server.
    shown = site.lpse_ops("backup", "snapshots", "--format", "json").json()["snapshots"]
    assert [each["hostname"] for each in shown] == [SLUG] * 2
    assert [(each["status"], each["host"]) for each in site.records()] == [("ok", SLUG)] * 2
    status = site.lpse_ops("backup", "status", "--format", "json").json()
    assert status["last_run"]["status"] == "ok"
    checked = site.lpse_ops("backup", "check", "--read-data")
    assert checked.code == 0, checked.stderr
    # The database of that address is not the one here.
    restored = site.lpse_ops("backup", "restore", "latest", "--database", "epns_prod")
    assert (restored.code, "give --server" in restored.stderr) == (2, True)


def test_another_server_bears_its_own_name(site: Site, docs: Path):
    site.write_settings(inventory="inventory/hosts.json", paths=[str(docs)])
    assert site.lpse_ops("backup", "--host", "spse-1").code == 0
    assert [each["host"] for each in site.records()] == ["spse-1"]


def test_a_run_of_another_server_is_none_of_the_sites_own(site: Site, docs: Path):
    hosts = dict.fromkeys(("spse-1", "spse-2"), site.host)
    site.write_inventory()
    site.inventory.write_text(json.dumps({"all": {"hosts": hosts}}))
    site.write_settings(host="spse-1", inventory=str(site.inventory), paths=[str(docs)])
    assert site.lpse_ops("backup", "--host", "spse-2").code == 0
    assert [each["host"] for each in site.records()] == ["spse-2"]
    status = site.lpse_ops("backup", "status", "--format", "json").json()
    assert status["last_run"] is None
    site.inventory.unlink()
    assert site.lpse_ops("backup", "--host", "spse-1").code != 0
    assert [each["host"] for each in site.records()] == ["spse-2", SLUG]


def test_flags_for_logging_in_without_an_inventory_do_not_mean_this_machine(site: Site, docs: Path):
    before = site.files()
    words = ("--repo", site.repo, "--password-file", site.password, "--host", "spse-1", docs)
    ended = lpse_ops("backup", "--become", "-u", "deploy", *words, env=site.environment)
    assert (ended.code, "--host NAME -i INVENTORY" in ended.stderr) == (2, True)
    assert site.files() == before


def test_without_an_inventory_host_is_a_name_and_nothing_else(site: Site, docs: Path):
    site.write_settings(paths=[str(docs)])
    assert site.lpse_ops("backup", "--host", "not-in-any-inventory").code == 0
    assert [each["host"] for each in site.records()] == ["not-in-any-inventory"]


def test_what_names_no_server_says_what_to_type(site: Site, docs: Path):
    words = ("--repo", site.repo, "--password-file", site.password, docs)
    ended = lpse_ops("backup", "--host", "spse-2", "-i", site.inventory, *words)
    assert ended.code == 2
    assert f"there is no host 'spse-2' in {site.inventory}" in ended.stderr
    assert "did you mean --host spse-1?" in ended.stderr
    assert f"lpse-ops inventory list -i {site.inventory}" in ended.stderr
    ended = lpse_ops("backup", "-i", site.inventory, *words)
    assert (ended.code, "add --host NAME" in ended.stderr) == (2, True)
    ended = site.pull("file_prod")
    assert (ended.code, "/file_prod" in ended.stderr) == (2, True)


def test_a_machine_with_another_key_is_not_backed_up(site: Site, docs: Path, tmp_path: Path):
    config = tmp_path / "ssh_config"
    known = tmp_path / "known_hosts"
    wrong = "AAAAC3NzaC1lZDI1NTE5AAAAI" + "A" * 43
    known.write_text(f"[{site.sshd.host}]:{site.sshd.port} ssh-ed25519 {wrong}\n")
    text = site.sshd.ssh_config.read_text()
    config.write_text(text.replace(str(site.sshd.known_hosts), str(known)))
    site.write_inventory(ansible_ssh_common_args=f"-F {config}")
    before = site.files()
    ended = site.pull(docs)
    assert ended.code == 4, ended.stderr
    assert "the host key of 127.0.0.1 has changed" in ended.stderr
    assert "ssh-keygen -R" in ended.stderr
    assert site.files() == before


def test_a_host_that_is_away_is_code_4_and_recorded(site: Site, docs: Path):
    site.write_inventory(ansible_port=free_port())
    site.write_settings(host="spse-1", inventory=str(site.inventory), paths=[str(docs)])
    before = site.files()
    ended = site.lpse_ops("backup")
    assert ended.code == 4, ended.stderr
    assert "connection refused" in ended.stderr
    assert "set ansible_port" in ended.stderr
    [facts] = site.records()
    assert (facts["status"], facts["host"]) == ("failed", SLUG)
    assert "connection refused" in facts["error"]
    assert site.files() == before


@contextlib.contextmanager
def held_back(site: Site, server: Server, name: str) -> Iterator["subprocess.Popen[bytes]"]:
    """A run whose pg_dump waits for a table that somebody else holds."""
    with psycopg.connect(server.cluster.url(name)) as holder:
        holder.execute("LOCK TABLE peserta")
        words = [*site.words, "--database", server.cluster.url(name)]
        run = subprocess.Popen(
            [*PROGRAM, "backup", *map(str, words)],
            env=clean_environment() | site.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        try:
            waiting = f"datname = '{name}' AND wait_event = 'relation'"
            query = f"SELECT 1 FROM pg_stat_activity WHERE {waiting}"
            wait_until(lambda: run.poll() is not None or server.execute(query))
            assert run.poll() is None, run.communicate()
            yield run
        finally:
            run.kill()
            run.communicate()


def find_dump(parent: int) -> tuple[int, str]:
    """The pg_dump that a process has started, and the address that it was given."""
    for each in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            words, pid = each.read_text().split("\0"), int(each.parent.name)
            if words[0].endswith("/pg_dump") and parent_of(pid) == parent:
                return pid, words[-2]
    raise AssertionError("there is no pg_dump")


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_run_that_is_killed_leaves_nothing_running(
    site: Site, server: Server, database: str, number: signal.Signals
):
    with held_back(site, server, database) as run:
        # Its shell and agent, and a program for each of two connections.
        assert len(site.processes()) >= 3
        dump, address = find_dump(run.pid)
        run.send_signal(number)
        run.communicate(timeout=30)
        wait_until(lambda: not site.processes() and not is_running(dump))
    assert list(site.sshd.home.iterdir()) == []
    folder = Path(address.partition("host=")[2].split()[0])
    assert folder.name.startswith("lpse-ops-")
    if number == signal.SIGTERM:
        assert run.returncode == 128 + number
        assert not folder.exists()
    else:
        # Nobody could: what stays is a socket that nobody listens at.
        assert [each.is_socket() for each in folder.iterdir()] == [True]
        shutil.rmtree(folder)


def test_a_host_that_is_lost_under_way_is_code_4_and_harms_nothing(
    site: Site, server: Server, database: str, docs: Path, restic_new: Restic
):
    assert site.pull(docs).code == 0
    with held_back(site, server, database) as run:
        running = site.processes()
        # The agent and its shell: what they have started ends by itself.
        for pid in running & set(map(parent_of, running)):
            os.kill(pid, signal.SIGKILL)
        _, said = run.communicate(timeout=30)
    assert run.returncode == 4, said
    assert b"psycopg" not in said
    assert b"spse-1: the connection broke" in said or b"spse-1: the agent has ended" in said
    restic_new.run("check", "--read-data", repo=site.repo, password=PASSWORD)
    [kept] = restic_new.json("snapshots", repo=site.repo, password=PASSWORD)
    assert kept["hostname"] == "spse-1"


RECORDER = """\
#!/bin/sh
# Keeps what goes to the agent, and what it is started with.
env >{folder}/environment.$$
printf '%s\\0' "$@" >{folder}/arguments.$$
tee {folder}/input.$$ | {python} "$@"
"""


def test_nothing_that_opens_the_repository_crosses_the_line(
    site: Site, docs: Path, server: Server, database: str, tmp_path: Path
):
    folder = tmp_path / "recorded"
    folder.mkdir()
    recorder = tmp_path / "recorder"
    recorder.write_text(RECORDER.format(folder=folder, python=shlex.quote(sys.executable)))
    recorder.chmod(0o755)
    site.write_inventory(ansible_python_interpreter=str(recorder))
    url = f"postgresql://keeper@127.0.0.1:{server.tcp_port}/{database}"
    server.execute("CREATE ROLE keeper SUPERUSER LOGIN PASSWORD 'sandi basis data'")
    secret = tmp_path / "database.password"
    secret.touch(0o600)
    secret.write_text("sandi basis data")
    site.write_settings(
        host="spse-1",
        inventory=str(site.inventory),
        paths=[str(docs)],
        databases=[{"url": url, "password_file": str(secret)}],
    )
    try:
        ended = site.lpse_ops("backup")
        assert ended.code == 0, ended.stderr
    finally:
        server.execute("DROP ROLE keeper")
    crossed = b"".join(path.read_bytes() for path in folder.iterdir())
    [input_file] = folder.glob("input.*")
    seen = crossed + opened(input_file, folder)
    # It is what it should be: paths are asked for, and the bridge is told its address.
    assert os.fsencode(docs) in seen
    assert str(server.tcp_port).encode() in seen
    for key in (KEYS.encrypt, KEYS.mac_k, KEYS.mac_r):
        for shown in (key, key.hex().encode(), base64.b64encode(key)):
            assert shown not in seen
    for word in (PASSWORD, "sandi basis data", str(site.repo), ID):
        assert word.encode() not in seen
    assert list(site.sshd.home.iterdir()) == []


def opened(input_file: Path, folder: Path) -> bytes:
    """All frames that went to an agent, and what is packed in them, decompressed."""
    [arguments] = [path.read_bytes().split(b"\0") for path in folder.glob("arguments.*")]
    length = int(arguments[arguments.index(b"-c") + 2])
    decoder = frames.Decoder()
    found = []
    for frame in decoder.feed(input_file.read_bytes()[length:]):
        header, segments = frame.open()
        found += [json.dumps(header).encode(), *segments]
    return b"\n".join(found)
